// Who may call what.
#pragma once

#include <string>

#include "base/status.h"
#include "rpc/caller.h"

namespace braid::coordinator {

// Thread-safe.
class Access {
 public:
  // `token` is what the administrator's calls carry; people find it in `token_file`.
  // REQUIRES: `token` is not empty.
  Access(std::string token, std::string token_file)
      : token_(std::move(token)), token_file_(std::move(token_file)) {}

  // OK if the caller may call the method; otherwise kPermissionDenied, with the reason
  // UNAUTHENTICATED if it is not known who calls. The message says what to do.
  Status Check(const rpc::Caller& caller) const;

 private:
  const std::string token_;
  const std::string token_file_;
};

}  // namespace braid::coordinator
