// SHA-256, the name of every blob and artifact.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid {

// A running digest. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(const void* data, size_t bytes);
  void Update(std::string_view data) { Update(data.data(), data.size()); }
  // 64 lower-case hex digits of everything so far. More may be added afterwards.
  std::string HexDigest() const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(std::string_view data);
// Reads the file in pieces; constant memory.
Result<std::string> Sha256File(const std::string& path);
// True iff `text` is 64 lower-case hex digits.
bool IsSha256Hex(std::string_view text);

}  // namespace braid
