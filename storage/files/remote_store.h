// A second place for the blobs of a BlobStore, on other machines: a bucket (storage/bucket/).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::storage {

// A blob in the second place; `written_ms`: when it came there, by the clock over there.
struct RemoteBlob {
  std::string sha256;
  uint64_t size = 0;
  int64_t written_ms = 0;
};

// Blobs are named by their SHA-256, 64 lower-case hex digits. All methods block, try again what may
// succeed at a second try, and are thread-safe. kUnavailable: the place is not reached or
// overloaded; any other error needs somebody to do what its message says.
class RemoteStore {
 public:
  virtual ~RemoteStore() = default;
  // What people call the place: "s3://bucket/prefix".
  virtual std::string Name() const = 0;
  // Notes over there that the place belongs to `owner`, a text that no other store has.
  // kAlreadyExists if it belongs to another one, which would delete these blobs.
  virtual Status Claim(const std::string& owner) = 0;
  // From now on all other methods fail, and change nothing, if the place does not belong to
  // `owner`: what answers may be another server.
  virtual void Expect(const std::string& owner) = 0;
  // Copies the file there, which takes as much memory as a piece of it. OK means: all of it is
  // there, durable, and what arrived had the right digest.
  virtual Status Put(const std::string& sha256, const std::string& path) = 0;
  // The `bytes` bytes from `offset` on. kNotFound (BLOB_MISSING) if the blob is not there. Whoever
  // has all bytes of a blob compares the digest.
  virtual Result<std::string> Read(const std::string& sha256, uint64_t offset, uint64_t bytes) = 0;
  // A URL from which whoever has it can read the blob by HTTP, also by ranges, for some minutes,
  // and nothing else: a secret. Empty if the place gives out none, or none now. Asks nobody.
  virtual Result<std::string> UrlOf(const std::string& sha256) = 0;
  // OK, too, if the blob is not there.
  virtual Status Remove(const std::string& sha256) = 0;
  // All blobs that are there as a whole, in no order.
  virtual Result<std::vector<RemoteBlob>> List() = 0;
  // Ends what was begun long ago and not finished, and uses space.
  virtual Status DropAbandoned() = 0;
  // Whether the place is reached, lets this process in and belongs to whom it should.
  virtual Status Check() = 0;
};

}  // namespace braid::storage
