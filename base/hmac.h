// Message authentication: proves that a sender knows a secret key without sending the key.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid {

// HMAC-SHA-256 (RFC 2104) of `text` under `key`, as 32 bytes.
std::string HmacSha256(std::string_view key, std::string_view text);

// `count` random bytes from the kernel's generator, good enough for keys and tokens. REQUIRES:
// count <= 256.
Result<std::string> SecretBytes(size_t count);

}  // namespace braid
