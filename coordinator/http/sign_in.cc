#include "coordinator/http/sign_in.h"

#include <algorithm>

#include "base/endpoint.h"
#include "base/text.h"

namespace braid::coordinator {

Result<std::string> SignIn::Begin(const std::string& token) {
  BRAID_ASSIGN_OR_RETURN(const std::string id, NewSecret());
  const int64_t now_ms = clock_->MonotonicMs();
  MutexLock lock(mutex_);
  DropOld(now_ms);
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

void SignIn::DropOld(int64_t now_ms) {
  std::erase_if(sessions_,
                [&](const auto& entry) { return entry.second.used_ms + kIdleMs <= now_ms; });
  while (sessions_.size() >= kMostSessions) {
    sessions_.erase(std::min_element(
        sessions_.begin(), sessions_.end(),
        [](const auto& a, const auto& b) { return a.second.used_ms < b.second.used_ms; }));
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
