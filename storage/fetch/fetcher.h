// Files that recipes name by URLs: what is known of them without reading them, and their content.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/remote_name.h"
#include "base/status.h"
#include "storage/bucket/caller.h"
#include "storage/bucket/place.h"
#include "storage/fetch/origin.h"
#include "storage/fetch/reach.h"
#include "storage/files/remote_files.h"
#include "task/fetch_rules.h"

namespace braid::storage {

struct FetchOptions {
  // Keys of buckets, as ParseBucket and FindAccessKey look for them; NETRC, a file with logins of
  // hosts; and CURL_CA_BUNDLE or SSL_CERT_FILE, the authorities of https://.
  Variables variables = Environment();
  task::FetchRules rules;
  int tries = 5;                  // of what may succeed later
  int64_t first_pause_ms = 500;   // between them, which doubles
  int64_t idle_ms = 60'000;       // after which a silent server is given up
  std::function<bool()> stopped;  // ends all calls; may be null
};

// Thread-safe.
class Fetcher {
 public:
  explicit Fetcher(FetchOptions options);
  ~Fetcher();

  // The files under a name of a recipe, as they are now, without their names within an artifact:
  // one of https://, by HEAD; all that match of a bucket, by its list. kInvalidArgument as of
  // ParseRemoteName; other errors name the file and say what to do.
  Result<std::vector<RemoteFile>> Look(const std::string& name);

  // Fetches the file to `path` (Download, download.h). `progress` gets the bytes that are there.
  Result<FetchedFile> Fetch(const RemoteFile& file, const std::string& path,
                            const std::function<void(int64_t)>& progress);

 private:
  Result<std::unique_ptr<Origin>> Open(const RemoteName& name);
  // The one for the bucket of the name and what its query says.
  Result<BucketCaller*> CallerOf(const RemoteName& name);
  Result<RemoteFile> LookAt(const RemoteName& name);
  // Ask of the origin, tried again.
  Result<HttpAnswer> Ask(Origin& origin, const std::string& method, const std::string& range,
                         const Sink& sink) const;

  const FetchOptions options_;
  const Reach reach_;
  const std::string login_file_;
  HttpClient web_;
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<BucketCaller>> buckets_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::storage
