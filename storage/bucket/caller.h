// Signed requests to one bucket, which are tried again where that may help.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "base/status.h"
#include "storage/bucket/credentials.h"
#include "storage/bucket/http.h"
#include "storage/bucket/place.h"

namespace braid::storage {

// One request, as it is to be signed. What HttpRequest has too means the same.
struct BucketCall {
  std::string method;
  std::string key;  // of the object; empty: the bucket
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;
  std::string payload = Sha256Hex("");  // the digest of the body
  std::string body;
  std::string file;
  uint64_t offset = 0, bytes = 0;
  int64_t deadline_ms = 0;
  int tries = 0;  // 0: as of the options
  std::function<Status(const HttpAnswer& answer, std::string_view piece)> sink;
};

struct CallerOptions {
  Variables variables = Environment();  // where keys come from, at each refusal again
  bool anonymous = false;               // requests are not signed, as public buckets allow it
  bool machine_keys = false;            // keys of machines, too (FindAnyKey)
  int tries = 5;                        // of a request that may succeed later, with pauses between
  int64_t first_pause_ms = 250;         // which double
  int64_t idle_ms = 60'000;             // after which a silent server is given up
  std::function<bool()> stopped;        // ends all calls; may be null
  const Clock* clock = &SystemClock();  // of signatures, and of keys that end
  // As of HttpRequest.
  std::function<Status(const std::string& address, int port)> may_connect;
};

// Thread-safe.
class BucketCaller {
 public:
  BucketCaller(BucketPlace place, CallerOptions options);

  const BucketPlace& place() const { return place_; }
  // Signs, sends, and tries again what may succeed later. Any answer that is not good is an error,
  // with `doing` in its message.
  Result<HttpAnswer> Do(const BucketCall& call, const std::string& doing);
  // The same, tried once.
  Result<HttpAnswer> Once(const BucketCall& call, const std::string& doing);
  // A URL that reads the object without a key for so many seconds, or until this key ends: a
  // secret. Empty if there is no key; asks nobody for one.
  std::string SignedUrl(const std::string& key, int64_t seconds);
  // The same of any request whose headers, but none else, have to be sent as they are here. May ask
  // for a key.
  Result<std::string> SignedUrl(const BucketCall& call, int64_t seconds);
  // One page after another of a list of the bucket, of what is below the place's prefix unless
  // `query` has one.
  Status EachPage(std::map<std::string, std::string> query, const std::string& doing,
                  const std::function<Status(const std::string& xml)>& use);

 private:
  // The key of now: one that ends soon is looked for again before.
  Result<AccessKey> Key();
  // The same as far as it is here; without an id: it is not.
  AccessKey KnownKey();
  bool IsGood() const BRAID_REQUIRES(mutex_);
  ToSign Signable(const BucketCall& call) const;
  std::string SignedUrl(const BucketCall& call, const AccessKey& key, int64_t seconds) const;
  std::string UrlOf(const ToSign& request, const std::map<std::string, std::string>& query) const;

  const BucketPlace place_;
  const CallerOptions options_;
  HttpClient http_;
  Mutex mutex_;
  CondVar changed_;
  AccessKey key_ BRAID_GUARDED_BY(mutex_);  // empty: there was none yet
  bool refused_ BRAID_GUARDED_BY(mutex_) = false;
  bool looking_ BRAID_GUARDED_BY(mutex_) = false;      // a thread looks for another one
  int64_t next_look_ms_ BRAID_GUARDED_BY(mutex_) = 0;  // of the monotonic clock
  Status none_ BRAID_GUARDED_BY(mutex_);               // why the last look found none
};

}  // namespace braid::storage
