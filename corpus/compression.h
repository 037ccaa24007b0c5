// How a file is compressed, told from its first bytes: a name may say nothing, or something else.
#pragma once

#include <string>
#include <string_view>

namespace braid::corpus {

enum class Compression { kNone, kGzip, kZstd };

// First bytes of gzip data and of a zstd frame.
inline constexpr std::string_view kGzipMagic = "\x1F\x8B";
inline constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";

// `head` is the beginning of the content. Four bytes of it are enough.
Compression CompressionOf(std::string_view head);

// Of the file at `path`. One that cannot be read is kNone: whoever reads its content says why.
Compression CompressionOfFile(const std::string& path);

}  // namespace braid::corpus
