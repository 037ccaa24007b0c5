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
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/sha256.h"
#include "storage/bucket/http.h"
#include "storage/bucket/place.h"
#include "storage/files/remote_store.h"

namespace braid::storage {

// How requests are made.
struct BucketOptions {
  Variables variables = Environment();  // where keys come from, at each refusal again
  // Blobs larger than a part are sent in parts. No bucket takes parts below 5 MiB.
  uint64_t part_bytes = uint64_t{32} << 20;
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
  Status Remove(const std::string& sha256) override;
  Result<std::vector<RemoteBlob>> List() override;
  Status DropAbandoned() override;
  Status Check() override;

 private:
  // One request, as it is to be signed.
  struct Call {
    std::string method;
    std::string key;  // of the object; empty: the bucket
    std::map<std::string, std::string> query;
    std::map<std::string, std::string> headers;
    std::string payload = Sha256Hex("");  // of the body
    std::string body;
    std::string file;  // as of HttpRequest
    uint64_t offset = 0, bytes = 0;
    int64_t deadline_ms = 0;
    int tries = 0;  // 0: as of the options
  };
  struct Parts;
  std::string KeyOf(const std::string& sha256) const;
  // Signs, sends, and tries again what may succeed later. Any answer that is not good is an error,
  // with `doing` in its message.
  Result<HttpAnswer> Do(const Call& call, const std::string& doing);
  Result<HttpAnswer> Once(const Call& call, const std::string& doing);
  Result<AccessKey> Key();
  // Who has claimed the bucket. kNotFound: nobody.
  Result<std::string> Owner();
  // Whether it is the one that is expected; asks once, or `again`.
  Status CheckOwner(bool again);
  Status TryWrongDigest();
  // Waits before another try; false if all has to stop.
  bool Pause(int64_t ms) const;
  // One page after another of a list of the bucket.
  Status EachPage(std::map<std::string, std::string> query, const std::string& doing,
                  const std::function<Status(const std::string& xml)>& use);

  Status PutWhole(const std::string& sha256, const std::string& path, uint64_t size);
  Status PutInParts(const std::string& sha256, const std::string& path, uint64_t size);
  // The steps of it. kNotFound if the bucket does not know the upload any more.
  Status BeginParts(const std::string& sha256, Parts* parts);
  Status SendParts(const std::string& sha256, const std::string& path, uint64_t size, Parts* parts);
  Status EndParts(const std::string& sha256, uint64_t size, const Parts& parts);
  // Reads the blob back, and compares the digest.
  Status ReadBack(const std::string& sha256, uint64_t size);
  Status AbortParts(const std::string& key, const std::string& id);
  std::string PartsFile(const std::string& sha256) const;

  const BucketPlace place_;
  const std::string folder_;
  const BucketOptions options_;
  HttpClient http_;
  Mutex mutex_;
  AccessKey key_ BRAID_GUARDED_BY(mutex_);         // empty: to be looked for
  std::string expected_ BRAID_GUARDED_BY(mutex_);  // the owner; empty: anybody
  bool confirmed_ BRAID_GUARDED_BY(mutex_) = false;
  std::set<std::string> sending_ BRAID_GUARDED_BY(mutex_);  // ids of uploads in parts
};

// A SHA-256 in hex as headers of checksums have it: its bytes in Base64.
std::string ChecksumText(const std::string& sha256);
// The error for a blob whose file on this disk has another digest than its name.
Status HasChanged(const std::string& sha256, const std::string& path);

}  // namespace braid::storage
