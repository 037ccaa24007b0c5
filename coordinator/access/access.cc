#include "coordinator/access/access.h"

#include <algorithm>

#include "base/endpoint.h"

namespace braid::coordinator {
namespace {

Status Unauthenticated(std::string message) {
  return Status(StatusCode::kPermissionDenied, "UNAUTHENTICATED", std::move(message));
}

}  // namespace

Status Access::Check(const rpc::Caller& caller) const {
  // All values have to be right: with one of several being enough, a caller could try many at once.
  const bool right = !caller.tokens.empty() &&
                     std::all_of(caller.tokens.begin(), caller.tokens.end(),
                                 [&](std::string_view given) { return SameSecret(given, token_); });
  if (right) return OkStatus();
  return Unauthenticated(
      std::string(caller.tokens.empty() ? "no token was sent"
                                        : "the token is not this coordinator's") +
      ": it is in " + token_file_ +
      " on the coordinator's machine, for the user that runs it; programs read it from the file "
      "that --token-file or BRAID_TOKEN_FILE names, others send \"authorization: Bearer TOKEN\"");
}

}  // namespace braid::coordinator
