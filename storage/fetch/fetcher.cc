#include "storage/fetch/fetcher.h"

#include <algorithm>

#include "base/error_reason.h"
#include "base/remote_name.h"
#include "storage/bucket/pause.h"
#include "storage/fetch/bucket_origin.h"
#include "storage/fetch/download.h"
#include "storage/fetch/web_origin.h"

namespace braid::storage {
namespace {

HttpOptions WebOptions(const FetchOptions& options) {
  HttpOptions web;
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (web.ca_file.empty()) web.ca_file = options.variables(name);
  }
  web.ca_variable = "CURL_CA_BUNDLE";
  web.idle_ms = options.idle_ms;
  web.stopped = options.stopped;
  return web;
}

// The URL that is asked for an object: its host is what the rules are about.
std::string UrlOf(const BucketPlace& place) {
  const size_t host = place.endpoint.find("//") + 2;
  return place.bucket_in_host
             ? place.endpoint.substr(0, host) + place.bucket + "." + place.endpoint.substr(host)
             : place.endpoint;
}

}  // namespace

Fetcher::Fetcher(FetchOptions options)
    : options_(std::move(options)),
      reach_(options_.rules),
      login_file_(options_.variables("NETRC")),
      web_(WebOptions(options_)) {}
Fetcher::~Fetcher() = default;

Result<BucketCaller*> Fetcher::CallerOf(const RemoteName& name) {
  MutexLock lock(mutex_);
  std::unique_ptr<BucketCaller>& caller = buckets_[name.bucket + "?" + name.query];
  if (caller != nullptr) return caller.get();
  BRAID_ASSIGN_OR_RETURN(NamedBucket named, ParseNamedBucket(name, options_.variables));
  BRAID_ASSIGN_OR_RETURN(const UrlHost host, HostOfUrl(UrlOf(named.place)));
  if (const Status may = reach_.Check(host); !may.ok()) return may.Wrap(ShownUrl(name.url));
  // The recipe names the endpoint, and not everybody who writes one is to see who this worker is.
  if (!named.anonymous && !reach_.MaySeeKey(host) &&
      name.query.find("endpoint=") != std::string::npos)
    return FailedPrecondition(
        ShownUrl(name.url) +
        ": the key of this worker is shown to AWS alone, and the recipe sends "
        "it to " +
        host.host + ": start the worker with --fetch-from " + host.host +
        " (braid up --fetch-from) if that is "
        "meant, or say keys=no if the bucket is public");
  CallerOptions caller_options;
  caller_options.variables = options_.variables;
  caller_options.anonymous = named.anonymous;
  caller_options.tries = options_.tries;
  caller_options.first_pause_ms = options_.first_pause_ms;
  caller_options.idle_ms = options_.idle_ms;
  caller_options.stopped = options_.stopped;
  caller_options.may_connect = reach_.OfHost(host);
  caller = std::make_unique<BucketCaller>(std::move(named.place), std::move(caller_options));
  return caller.get();
}

Result<std::unique_ptr<Origin>> Fetcher::Open(const RemoteName& name) {
  if (!name.in_bucket) return OpenWebOrigin(name.url, login_file_, reach_, web_);
  BRAID_ASSIGN_OR_RETURN(BucketCaller* const caller, CallerOf(name));
  return OpenBucketOrigin(name, *caller);
}

Result<HttpAnswer> Fetcher::Ask(Origin& origin, const std::string& method, const std::string& range,
                                const Sink& sink) const {
  int64_t pause_ms = options_.first_pause_ms;
  for (int tried = 1;; ++tried, pause_ms *= 2) {
    Result<HttpAnswer> answer = origin.Ask(method, range, "", sink);
    if (answer.ok() || answer.status().code() != StatusCode::kUnavailable ||
        answer.status().Is(ErrorReason::kTls) || tried >= options_.tries)
      return answer;
    if (!Pause(std::max(pause_ms, origin.wait_ms()), options_.stopped)) return Cancelled("stopped");
  }
}

Result<RemoteFile> Fetcher::LookAt(const RemoteName& name) {
  BRAID_ASSIGN_OR_RETURN(const std::unique_ptr<Origin> origin, Open(name));
  FileFacts facts;
  if (!name.in_bucket) {
    const Result<HttpAnswer> answer = Ask(*origin, "HEAD", "", nullptr);
    if (answer.ok()) facts = FactsOf(*answer);
    // Some servers answer GET alone.
    const StatusCode code = answer.status().code();
    if (!answer.ok() && code != StatusCode::kFailedPrecondition &&
        code != StatusCode::kPermissionDenied && code != StatusCode::kNotFound)
      return answer.status();
  }
  // A bucket's HEAD is to be believed, and it knows no part of an object without a byte.
  if (facts.size < 0 || (facts.size == 0 && !name.in_bucket)) {
    bool begun = false;
    const Result<HttpAnswer> answer = Ask(*origin, "GET", "bytes=0-0",
                                          [&](const HttpAnswer& first, std::string_view) {
                                            begun = true;
                                            facts = FactsOf(first);
                                            return Cancelled("enough is known");
                                          });
    if (!begun) {
      BRAID_RETURN_IF_ERROR(answer.status());
      facts = FactsOf(*answer);  // of a file without a byte
    }
  }
  RemoteFile file;
  file.url = name.url;
  file.size = facts.size;
  file.etag = facts.etag;
  file.modified = facts.modified;
  file.sha256 = name.sha256;
  return file;
}

Result<std::vector<RemoteFile>> Fetcher::Look(const std::string& name) {
  BRAID_ASSIGN_OR_RETURN(const RemoteName remote, ParseRemoteName(name));
  if (remote.is_pattern) {
    BRAID_ASSIGN_OR_RETURN(BucketCaller* const caller, CallerOf(remote));
    return ListMatching(remote, *caller);
  }
  BRAID_ASSIGN_OR_RETURN(RemoteFile file, LookAt(remote));
  return std::vector<RemoteFile>{std::move(file)};
}

Result<FetchedFile> Fetcher::Fetch(const RemoteFile& file, const std::string& path,
                                   const std::function<void(int64_t)>& progress) {
  BRAID_ASSIGN_OR_RETURN(RemoteName name, ParseRemoteName(file.url));
  name.is_pattern = false;  // a key that was listed is one
  BRAID_ASSIGN_OR_RETURN(const std::unique_ptr<Origin> origin, Open(name));
  DownloadOptions options;
  options.tries = options_.tries;
  options.first_pause_ms = options_.first_pause_ms;
  options.stopped = options_.stopped;
  options.progress = progress;
  return Download(file, path, *origin, options);
}

}  // namespace braid::storage
