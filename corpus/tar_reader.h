// The files in a tar archive, one after another, without unpacking it. Internal to corpus/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "corpus/corpus.h"

namespace braid::corpus {

// True if a file is a tar archive, by its first bytes: as it is, or packed with gzip or zstd.
bool IsTarFile(const std::string& path);

// Reads ustar, pax, GNU and old archives, with long names and sparse files. Not thread-safe.
class TarReader {
 public:
  // Errors begin with the file's path, and so do those below.
  static Result<std::unique_ptr<TarReader>> Open(const std::string& path);
  virtual ~TarReader() = default;

  struct Member {
    // As the archive has it; it may be anything.
    std::string name;
    uint64_t size = 0;
  };
  // The next regular file; none at the end. Folders, links and devices are passed over. kDataLoss
  // if the archive is damaged or cut short.
  virtual Result<std::optional<Member>> Next() = 0;
  // The content of the member that Next returned last. REQUIRES: its size fits into memory, and it
  // was not read before.
  virtual Result<std::string> Read() = 0;
  // Bytes of the file on disk that were read so far.
  virtual uint64_t consumed() const = 0;
};

}  // namespace braid::corpus
