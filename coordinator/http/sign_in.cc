#include "coordinator/http/sign_in.h"

#include "base/endpoint.h"
#include "base/text.h"

namespace braid::coordinator {

Result<std::string> SignIn::Begin(const std::string& token) {
  BRAID_ASSIGN_OR_RETURN(const std::string id, NewSecret());
  const int64_t now_ms = clock_->MonotonicMs();
  MutexLock lock(mutex_);
  DropOld(token, now_ms);
  sessions_[id] = {token, now_ms};
  return id;
}

void SignIn::End(const std::string& session) {
  MutexLock lock(mutex_);
  sessions_.erase(session);
}

std::string SignIn::TokenOf(const std::string& session) {
  const int64_t now_ms = clock_->MonotonicMs();
  MutexLock lock(mutex_);
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return "";
  if (found->second.used_ms + kIdleMs <= now_ms) {
    sessions_.erase(found);
    return "";
  }
  found->second.used_ms = now_ms;
  return found->second.token;
}

void SignIn::DropOld(const std::string& token, int64_t now_ms) {
  std::erase_if(sessions_,
                [&](const auto& entry) { return entry.second.used_ms + kIdleMs <= now_ms; });
  // The least recently used session of all, and that of this token.
  auto of_all = sessions_.end(), of_token = sessions_.end();
  size_t count = 0;
  for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
    if (of_all == sessions_.end() || it->second.used_ms < of_all->second.used_ms) of_all = it;
    if (it->second.token != token) continue;
    ++count;
    if (of_token == sessions_.end() || it->second.used_ms < of_token->second.used_ms) of_token = it;
  }
  if (count >= kMostOfOne) {
    sessions_.erase(of_token);
  } else if (sessions_.size() >= kMostSessions) {
    sessions_.erase(of_all);
  }
}

std::string CookieOf(std::string_view header, std::string_view name) {
  for (const std::string& part : Split(header, ';')) {
    const std::string_view cookie = Trim(part);
    if (cookie.size() > name.size() && cookie.starts_with(name) && cookie[name.size()] == '=')
      return std::string(cookie.substr(name.size() + 1));
  }
  return "";
}

}  // namespace braid::coordinator
