#include "storage/bucket/caller.h"

#include "storage/bucket/answers.h"
#include "storage/bucket/pause.h"

namespace braid::storage {
namespace {

constexpr int64_t kRenewMs = 5 * 60'000;  // so long before a key ends, its follower is there
constexpr int64_t kLookAgainMs = 30'000;  // for that one, if there is none yet
constexpr int64_t kFailedMs = 1'000;      // for which it is believed that there is no key at all

bool MayHelpAgain(const Status& status) {
  return status.code() == StatusCode::kUnavailable && !status.Is(ErrorReason::kStorageFull);
}

}  // namespace

BucketCaller::BucketCaller(BucketPlace place, CallerOptions options)
    : place_(std::move(place)),
      options_(std::move(options)),
      http_({.ca_file = place_.ca_file, .idle_ms = options_.idle_ms, .stopped = options_.stopped}) {
}

bool BucketCaller::IsGood() const {
  return !key_.id.empty() && (key_.ends_ms == 0 || options_.clock->WallMs() < key_.ends_ms);
}

AccessKey BucketCaller::KnownKey() {
  MutexLock lock(mutex_);
  return IsGood() ? key_ : AccessKey();
}

// Services that give keys may be silent for seconds: one thread asks them, and whoever has a key
// that is still good does not wait for it.
Result<AccessKey> BucketCaller::Key() {
  {
    MutexLock lock(mutex_);
    const int64_t now_ms = options_.clock->MonotonicMs();
    const bool due = key_.ends_ms > 0 && options_.clock->WallMs() >= key_.ends_ms - kRenewMs;
    if (IsGood() && !refused_ && (!due || looking_ || now_ms < next_look_ms_)) return key_;
    if (looking_) {
      while (looking_) changed_.Wait(mutex_);
      if (IsGood()) return key_;
      return none_;
    }
    if (options_.machine_keys && !none_.ok() && !IsGood() && now_ms < next_look_ms_) return none_;
    looking_ = true;
  }
  Result<AccessKey> found = options_.machine_keys
                                ? FindAnyKey(options_.variables, place_.region, options_.stopped)
                                : FindAccessKey(options_.variables);
  MutexLock lock(mutex_);
  looking_ = false;
  changed_.NotifyAll();
  next_look_ms_ = options_.clock->MonotonicMs() +
                  (found.ok() || IsGood() ? kLookAgainMs : kFailedMs);
  none_ = found.status();
  // Where there was a key, there will be one again.
  if (!found.ok() && !key_.id.empty()) none_ = Unavailable(none_.message());
  if (found.ok()) {
    key_ = *std::move(found);
    refused_ = false;
  }
  if (IsGood()) return key_;
  return none_.ok() ? Unavailable("access key " + key_.id + " has ended, and no other is given yet")
                    : none_;
}

ToSign BucketCaller::Signable(const BucketCall& call) const {
  ToSign sign;
  sign.method = call.method;
  sign.host = (place_.bucket_in_host ? place_.bucket + "." : "") +
              place_.endpoint.substr(place_.endpoint.find("//") + 2);
  sign.path = (place_.bucket_in_host ? "" : "/" + UriEncode(place_.bucket, false)) +
              (call.key.empty() ? "" : "/" + UriEncode(call.key, true));
  if (sign.path.empty()) sign.path = "/";
  sign.query = call.query;
  sign.headers = call.headers;
  sign.payload = call.payload;
  return sign;
}

std::string BucketCaller::UrlOf(const ToSign& request,
                                const std::map<std::string, std::string>& query) const {
  return place_.endpoint.substr(0, place_.endpoint.find("//") + 2) + request.host + request.path +
         (query.empty() ? "" : "?" + QueryText(query));
}

std::string BucketCaller::SignedUrl(const std::string& key, int64_t seconds) {
  const AccessKey access = KnownKey();
  return access.id.empty() ? "" : SignedUrl({.method = "GET", .key = key}, access, seconds);
}

Result<std::string> BucketCaller::SignedUrl(const BucketCall& call, int64_t seconds) {
  BRAID_ASSIGN_OR_RETURN(const AccessKey access, Key());
  return SignedUrl(call, access, seconds);
}

std::string BucketCaller::SignedUrl(const BucketCall& call, const AccessKey& key,
                                    int64_t seconds) const {
  const ToSign sign = Signable(call);
  return UrlOf(sign, SignedQuery(sign, key, place_.region, options_.clock->WallMs(), seconds));
}

Result<HttpAnswer> BucketCaller::Once(const BucketCall& call, const std::string& doing) {
  AccessKey key;
  if (!options_.anonymous) {
    BRAID_ASSIGN_OR_RETURN(key, Key());
  }
  const ToSign sign = Signable(call);
  HttpRequest request;
  request.method = call.method;
  request.headers = options_.anonymous
                        ? call.headers
                        : SignedHeaders(sign, key, place_.region, options_.clock->WallMs());
  request.url = UrlOf(sign, sign.query);
  request.body = call.body;
  request.file = call.file;
  request.offset = call.offset;
  request.bytes = call.bytes;
  request.deadline_ms = call.deadline_ms;
  request.sink = call.sink;
  request.may_connect = options_.may_connect;
  Result<HttpAnswer> answer = http_.Send(request);
  if (!answer.ok()) return answer.status().Wrap(place_.Name() + ": " + doing);
  if (answer->good()) return answer;
  // An answer without a body has no code.
  if (call.method == "HEAD" && answer->status == 404)
    return Status(StatusCode::kNotFound, ErrorReason::kBlobMissing,
                  place_.Name() + ": " + doing + ": not there (HTTP 404)");
  const Status status = BucketError(*answer, doing, place_, key.id);
  if (status.code() == StatusCode::kPermissionDenied) {
    MutexLock lock(mutex_);
    if (key_.id == key.id) refused_ = true;  // another one may have been written meanwhile
  }
  return status;
}

Result<HttpAnswer> BucketCaller::Do(const BucketCall& call, const std::string& doing) {
  int64_t pause_ms = options_.first_pause_ms;
  for (int tried = 1;; ++tried, pause_ms *= 2) {
    Result<HttpAnswer> answer = Once(call, doing);
    const int tries = call.tries > 0 ? call.tries : options_.tries;
    if (answer.ok() || tried >= tries || !MayHelpAgain(answer.status())) return answer;
    if (!Pause(pause_ms, options_.stopped)) return Cancelled("this process stops");
  }
}

Status BucketCaller::EachPage(std::map<std::string, std::string> query, const std::string& doing,
                              const std::function<Status(const std::string& xml)>& use) {
  if (!place_.prefix.empty()) query.try_emplace("prefix", place_.prefix + "/");
  while (true) {
    BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer, Do({.method = "GET", .query = query}, doing));
    BRAID_RETURN_IF_ERROR(use(answer.body));
    if (Element(answer.body, "IsTruncated") != "true") return OkStatus();
    const bool objects = query.contains("list-type");
    std::map<std::string, std::string> next = query;
    if (objects) {
      next["continuation-token"] = Element(answer.body, "NextContinuationToken");
    } else {
      next["key-marker"] = Element(answer.body, "NextKeyMarker");
      next["upload-id-marker"] = Element(answer.body, "NextUploadIdMarker");
    }
    // A list that begins again would never end.
    if (next == query || next[objects ? "continuation-token" : "key-marker"].empty())
      return Internal(place_.Name() + ": " + doing + ": a page without its next one");
    query = std::move(next);
  }
}

}  // namespace braid::storage
