// Decompression of data that comes in pieces: gzip and zstd, or as it is. Internal to corpus/.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace braid::corpus {

// Passes content on as it is; those for gzip and zstd decompress it, all members or frames of it.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Takes the next piece of a file and calls `use` with what becomes of it, in pieces of at most 1
  // MiB or of the size of `in`. Stops at the first error of `use` and returns it. kDataLoss, which
  // begins with `path`, for damaged data.
  virtual Status Feed(const std::string& /*path*/, std::string_view in,
                      const std::function<Status(std::string_view)>& use) {
    return use(in);
  }
  // Whether the data so far may be all.
  virtual bool complete() const { return true; }
};

// The decoder for a file that begins with `head`, of which four bytes are enough.
std::unique_ptr<Decoder> DecoderFor(std::string_view head);

// The error of a file whose last piece leaves its decoder incomplete.
Status CutShort(const std::string& path);

}  // namespace braid::corpus
