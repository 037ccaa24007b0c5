#include "corpus/compression.h"

#include "base/file.h"

namespace braid::corpus {
namespace {

constexpr size_t kMagicBytes = 4;

// zstd data may begin with frames for other programs, which a decoder skips: 0x184D2A50 to
// 0x184D2A5F, little-endian (RFC 8878, section 3.1.2).
bool IsSkippableFrame(std::string_view head) {
  return head.size() >= kMagicBytes && (head[0] & 0xF0) == 0x50 &&
         head.substr(1).starts_with("\x2A\x4D\x18");
}

}  // namespace

Compression CompressionOf(std::string_view head) {
  if (head.starts_with(kGzipMagic)) return Compression::kGzip;
  return head.starts_with(kZstdMagic) || IsSkippableFrame(head) ? Compression::kZstd
                                                                : Compression::kNone;
}

Compression CompressionOfFile(const std::string& path) {
  std::string head;
  (void)ReadFileInPieces(path, kMagicBytes, [&](std::string_view piece) {
    head += piece;
    return head.size() < kMagicBytes ? OkStatus() : Cancelled("the first bytes are enough");
  });
  return CompressionOf(head);
}

}  // namespace braid::corpus
