// The line that `braid worker invite` prints and `braid-worker --join` reads: all that a worker
// needs to find its coordinator, to authenticate it, and to authenticate itself once.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::rpc {

// What a new worker is given, in one line that can be copied: where the coordinator is, how it is
// recognised, and the secret that lets the worker in.
struct JoinLine {
  std::string address;    // HOST:PORT
  std::string ca_sha256;  // of the certificate that the coordinator must be signed by
  std::string secret;     // 64 hex digits; good once
};

// "braid-join:v1:SECRET:DIGEST:HOST:PORT".
std::string TextOf(const JoinLine& line);
// kInvalidArgument says what is wrong, and never quotes the text, which holds a secret.
Result<JoinLine> ParseJoinLine(std::string_view text);

}  // namespace braid::rpc
