// Uploads in parts: how a blob is cut into them, and the file that keeps how far an upload has
// come.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "base/status.h"

namespace braid::storage {

// How large each part of a blob is but the last: as `usual`, if S3's limit of 10,000 parts allows.
uint64_t PartBytes(uint64_t size, uint64_t usual);

// Appends the bytes of an open file to `whole`, and returns the digest of them alone. `path` is for
// errors.
Result<std::string> DigestOfPart(int fd, uint64_t offset, uint64_t bytes, const std::string& path,
                                 Sha256* whole);

// An upload in parts: its id, and its parts from the first on.
struct BucketParts {
  struct Part {
    std::string etag;    // the bucket's name of it; empty: not known
    std::string sha256;  // empty: nobody has said it
  };
  std::string id;  // empty: there is no upload
  uint64_t part_bytes = 0;
  std::vector<Part> sent;

  // No upload if the file is not there, was cut, or is of parts of another size; 0: of any.
  static BucketParts Read(const std::string& file, uint64_t part_bytes);
  Status Write(const std::string& file) const;
};

}  // namespace braid::storage
