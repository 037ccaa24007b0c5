// Blobs in a bucket that speaks S3: AWS, MinIO, SeaweedFS, Ceph, R2, ... Their objects:
//
//   PREFIX/ab/abcdef...     a blob, as in the folder blobs/ of a BlobStore
//   PREFIX/coordinator      the store to which all below the prefix belongs
//
// An object appears as a whole or not at all. The bucket compares what arrives with the SHA-256
// that is sent beforehand: of the blob, or of each part of one that is sent in parts. How far one
// in parts is, stands in a file here, and a later process goes on from it.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "storage/bucket/caller.h"
#include "storage/bucket/parts_file.h"
#include "storage/bucket/place.h"
#include "storage/files/remote_store.h"

namespace braid::storage {

// How long a signed URL is good: as much as clocks may differ for requests with a signature, so
// that a server whose clock is ahead serves a URL where it serves the coordinator.
inline constexpr int64_t kUrlSeconds = 15 * 60;

// How requests are made.
struct BucketOptions {
  Variables variables = Environment();       // where keys come from, at each refusal again
  uint64_t part_bytes = uint64_t{32} << 20;  // as of BucketPlace
  int tries = 5;                 // of a request that may succeed later, with pauses in between
  int64_t first_pause_ms = 250;  // which double
  int64_t idle_ms = 60'000;      // after which a silent server is given up
  int64_t keep_parts_ms = int64_t{24} * 3'600'000;  // of uploads in parts that nobody continues
  const std::atomic<bool>* stop = nullptr;          // ends all calls; outlives the store
};

// Thread-safe.
class BucketStore final : public RemoteStore {
 public:
  // `folder`: for the state of uploads in parts; it exists.
  BucketStore(BucketPlace place, std::string folder, BucketOptions options);

  std::string Name() const override { return place_.Name(); }
  // Tries, too, whether the bucket compares digests. kFailedPrecondition if it does not.
  Status Claim(const std::string& owner) override;
  void Expect(const std::string& owner) override;
  Status Put(const std::string& sha256, const std::string& path) override;
  Result<std::string> Read(const std::string& sha256, uint64_t offset, uint64_t bytes) override;
  Result<std::string> UrlOf(const std::string& sha256) override;
  Result<DirectUpload> BeginDirect(const std::string& sha256, uint64_t size) override;
  Result<std::vector<SignedPut>> SignDirect(const std::string& sha256, uint64_t size,
                                            const std::vector<BlobPart>& parts) override;
  Status EndDirect(const std::string& sha256, uint64_t size) override;
  Status Remove(const std::string& sha256) override;
  Result<std::vector<RemoteBlob>> List() override;
  Status DropAbandoned() override;
  Status Check() override;

 private:
  using Call = BucketCall;
  std::string KeyOf(const std::string& sha256) const;
  Result<HttpAnswer> Do(const Call& call, const std::string& doing) {
    return caller_.Do(call, doing);
  }
  // Who has claimed the bucket. kNotFound: nobody.
  Result<std::string> Owner();
  // Whether it is the one that is expected; asks once, or `again`.
  Status CheckOwner(bool again);
  Status TryWrongDigest();
  Status PutWhole(const std::string& sha256, const std::string& path, uint64_t size);
  Status PutInParts(const std::string& sha256, const std::string& path, uint64_t size);
  // The steps of it. kNotFound if the bucket does not know the upload any more.
  Status BeginParts(const std::string& sha256, const std::string& file, BucketParts* parts);
  Status SendParts(const std::string& sha256, const std::string& path, uint64_t size,
                   BucketParts* parts);
  Status EndParts(const std::string& sha256, uint64_t size, const BucketParts& parts, int tries);
  // Reads the blob back, and compares the digest.
  Status ReadBack(const std::string& sha256, uint64_t size);
  Status AbortParts(const std::string& key, const std::string& id);
  std::string PartsFile(const std::string& sha256) const;
  // The same of an upload that others make.
  std::string DirectFile(const std::string& sha256) const;
  // Whether the bucket refuses bytes that were not signed for, of somebody without a key. Tried
  // once in a process.
  Result<bool> HoldsToSigned();
  // A part as the bucket lists it.
  struct Listed {
    std::string etag;
    uint64_t size = 0;
    std::string checksum;  // empty: it does not say so
  };
  // The parts of an upload by their numbers. kNotFound if the bucket does not know it any more.
  Result<std::map<int64_t, Listed>> ListParts(const std::string& sha256, const std::string& id);
  // Those of them that are what was signed for.
  static std::vector<BlobPart> PartsThere(const std::map<int64_t, Listed>& listed,
                                          const BucketParts& parts, uint64_t size);
  Status CompleteDirect(const std::string& sha256, uint64_t size);
  // What the bucket says of the object.
  Result<HttpAnswer> Head(const std::string& sha256);
  // Whether there is one of this size.
  bool IsThere(const std::string& sha256, uint64_t size);
  // Whether the object has the blob's size and digest: as the bucket says, where it has computed
  // that of the whole, and else as its bytes are. kDataLoss if not.
  Status Confirm(const std::string& sha256, uint64_t size);
  // The digest that the bucket computes of the whole object, as a checksum; empty if it does not.
  std::string ComputedThere(const std::string& sha256);
  // Ends an upload that others make, as the blob comes on another way.
  void DropDirect(const std::string& sha256);
  // The ids of uploads that others have gone on with since then; forgets the other ones.
  std::set<std::string> DirectSince(int64_t ms);

  const BucketPlace place_;
  const std::string folder_;
  const BucketOptions options_;
  BucketCaller caller_;
  Mutex mutex_;
  std::string expected_ BRAID_GUARDED_BY(mutex_);  // the owner; empty: anybody
  bool confirmed_ BRAID_GUARDED_BY(mutex_) = false;
  std::set<std::string> sending_ BRAID_GUARDED_BY(mutex_);  // ids of uploads in parts
  std::optional<bool> holds_to_signed_ BRAID_GUARDED_BY(mutex_);
  bool computes_ BRAID_GUARDED_BY(mutex_) = true;  // digests of whole objects
};

// A SHA-256 in hex as headers of checksums have it: its bytes in Base64.
std::string ChecksumText(const std::string& sha256);
// The error for a blob whose file on this disk has another digest than its name.
Status HasChanged(const std::string& sha256, const std::string& path);

}  // namespace braid::storage
