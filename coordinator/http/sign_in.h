// Signed-in browsers. A browser sends its token once; from then on a cookie names the session,
// whose token only this process knows. Each request is then checked as if it had carried the token:
// a token that is revoked ends its sessions. Sessions end with the process, too.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"

namespace braid::coordinator {

// Thread-safe.
class SignIn {
 public:
  static constexpr int64_t kIdleMs = int64_t{12} * 3'600'000;  // a session that nobody used
  // Of all, and of one token, so that nobody signs others out: then the one used least recently
  // goes.
  static constexpr size_t kMostSessions = 1024, kMostOfOne = 16;

  // `clock` outlives it.
  explicit SignIn(const Clock* clock) : clock_(clock) {}

  // The id of a new session for a token that was checked.
  Result<std::string> Begin(const std::string& token);
  void End(const std::string& session);
  // The session's token; empty if there is none.
  std::string TokenOf(const std::string& session);

 private:
  struct Session {
    std::string token;
    int64_t used_ms = 0;
  };
  // Makes room for another session of the token.
  void DropOld(const std::string& token, int64_t now_ms) BRAID_REQUIRES(mutex_);

  const Clock* const clock_;
  Mutex mutex_;
  std::map<std::string, Session> sessions_ BRAID_GUARDED_BY(mutex_);
};

// The value of a cookie in the header "a=1; b=2"; empty if it is not there.
std::string CookieOf(std::string_view header, std::string_view name);

}  // namespace braid::coordinator
