// Message authentication: who knows a secret can prove it without saying it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid {

// HMAC-SHA-256 (RFC 2104) of `text` under `key`, as 32 bytes.
std::string HmacSha256(std::string_view key, std::string_view text);

// `count` random bytes of the kernel, at most 256, fit for secrets.
Result<std::string> SecretBytes(size_t count);

}  // namespace braid
