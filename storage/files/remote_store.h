// A second place for the blobs of a BlobStore, on other machines: a bucket (storage/bucket/).
#pragma once

#include <cstdint>
#include <map>
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

// A part of a blob. Parts have one size but the last; their numbers begin at 1.
struct BlobPart {
  int64_t number = 0;
  std::string sha256;
  bool operator==(const BlobPart&) const = default;
};

// An HTTP PUT that whoever has it can make without a key, for some minutes: a secret. The body and
// its size are fixed by what was signed.
struct SignedPut {
  std::string url;
  std::map<std::string, std::string> headers;  // that have to be sent
};

// An upload that others make, part by part.
struct DirectUpload {
  uint64_t part_bytes = 0;      // of each part but the last; 0: none can be made
  std::vector<BlobPart> there;  // the parts that the place has
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
  // Uploads that others make, who get no key. Calls of these three for one blob come one after
  // another. By default the place lets nobody put anything there.
  //
  // Begins an upload of a blob of so many bytes, or finds how far one of this process or an earlier
  // one is.
  virtual Result<DirectUpload> BeginDirect(const std::string&, uint64_t) { return DirectUpload(); }
  // For each of these parts the request that puts it there, and nothing but these bytes.
  // kInvalidArgument for parts that the blob has not; kFailedPrecondition if it was not begun.
  virtual Result<std::vector<SignedPut>> SignDirect(const std::string&, uint64_t,
                                                    const std::vector<BlobPart>&) {
    return FailedPrecondition(Name() + " takes nothing of others");
  }
  // OK means as much as that of Put: nothing that the one who sent it said is believed. kNotFound
  // (BLOB_MISSING) if parts are not there; kInvalidArgument (DIGEST_MISMATCH) if the whole has
  // another digest, and then it is deleted.
  virtual Status EndDirect(const std::string&, uint64_t) {
    return FailedPrecondition(Name() + " takes nothing of others");
  }
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
