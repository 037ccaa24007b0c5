// SHA-256. Blobs and artifacts are named by it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid {

// A digest of bytes that arrive in pieces. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  // Appends bytes to the digested data.
  void Update(const void* data, size_t bytes);
  void Update(std::string_view data) { Update(data.data(), data.size()); }
  // The digest of all bytes so far, as 64 lower-case hex digits. More bytes may be appended
  // afterwards.
  std::string HexDigest() const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The digest of `data`, as 64 lower-case hex digits.
std::string Sha256Hex(std::string_view data);
// The digest of a file, read in pieces of 1 MiB; errors name the path.
Result<std::string> Sha256File(const std::string& path);
// True iff `text` is 64 lower-case hex digits.
bool IsSha256Hex(std::string_view text);

}  // namespace braid
