// Detection of compressed files by their first bytes, as names may be missing an ending or have a
// wrong one.
#pragma once

#include <string>
#include <string_view>

namespace braid::corpus {

// How a file is compressed.
enum class Compression { kNone, kGzip, kZstd };

// The first bytes of gzip data and of a zstd frame.
inline constexpr std::string_view kGzipMagic = "\x1F\x8B";
inline constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";

// The compression of content that begins with `head`, of which four bytes are enough.
Compression CompressionOf(std::string_view head);

// The compression of a file; kNone if it cannot be read, as the reader of its content gives the
// error.
Compression CompressionOfFile(const std::string& path);

}  // namespace braid::corpus
