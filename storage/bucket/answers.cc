#include "storage/bucket/answers.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "base/excerpt.h"
#include "base/text.h"

namespace braid::storage {
namespace {

template <size_t N>
bool IsOneOf(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Words of AWS and of other makers for the same.
constexpr std::array<std::string_view, 8> kBusy = {
    "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted",
    "Busy",     "SlowDownRead",       "SlowDownWrite"};
constexpr std::array<std::string_view, 6> kFull = {"QuotaExceeded",
                                                   "XMinioStorageFull",
                                                   "EntityTooLarge",
                                                   "InsufficientStorage",
                                                   "XMinioAdminBucketQuotaExceeded",
                                                   "StorageFull"};
constexpr std::array<std::string_view, 3> kEnded = {"ExpiredToken", "TokenRefreshRequired",
                                                    "InvalidToken"};
constexpr std::array<std::string_view, 4> kDamaged = {
    "BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest", "XAmzContentChecksumMismatch"};

std::string OtherRegion(const HttpAnswer& answer) {
  const std::string region = answer.Header("x-amz-bucket-region");
  return region.empty() ? Element(answer.body, "Region") : region;
}

// What to do about a key that is not let in.
std::string AdviceForKey(const std::string& code, const std::string& key_id,
                         const BucketPlace& place) {
  if (code == "InvalidAccessKeyId")
    return "access key " + key_id + " is not known there: is it of another account, or deleted?";
  if (code == "SignatureDoesNotMatch")
    return "the secret does not belong to access key " + key_id +
           ": mend AWS_SECRET_ACCESS_KEY or the credentials file";
  if (place.only_read && key_id.empty())
    return "the bucket is not public (keys=no): leave keys=no out, and give the worker a key";
  if (place.only_read)
    return "access key " + key_id + " needs s3:GetObject there, and s3:ListBucket on " +
           place.Name() + " for patterns";
  return "access key " + key_id +
         " needs s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject, "
         "s3:AbortMultipartUpload, s3:ListMultipartUploadParts and "
         "s3:ListBucketMultipartUploads on " +
         place.Name();
}

}  // namespace

std::vector<std::string_view> Elements(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">", close = "</" + std::string(name) + ">";
  std::vector<std::string_view> found;
  for (size_t at = 0; (at = xml.find(open, at)) != std::string_view::npos;) {
    at += open.size();
    const size_t end = xml.find(close, at);
    if (end == std::string_view::npos) break;
    found.push_back(xml.substr(at, end - at));
    at = end + close.size();
  }
  return found;
}

std::string Element(std::string_view xml, std::string_view name) {
  const auto all = Elements(xml, name);
  return all.empty() ? "" : std::string(all.front());
}

std::string XmlText(std::string_view content) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kNamed = {
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string text;
  while (!content.empty()) {
    const auto named = std::find_if(kNamed.begin(), kNamed.end(), [&](const auto& one) {
      return content.starts_with(one.first);
    });
    if (named != kNamed.end()) {
      text += named->second;
      content.remove_prefix(named->first.size());
      continue;
    }
    // "&#39;" or "&#x27;": of ASCII, as all else is written as it is.
    const size_t end = content.find(';');
    if (content.starts_with("&#") && end != std::string_view::npos && end <= 6) {
      const bool hex = content[2] == 'x';
      const std::string digits(content.substr(hex ? 3 : 2, end - (hex ? 3 : 2)));
      const long value = std::strtol(digits.c_str(), nullptr, hex ? 16 : 10);
      if (value > 0 && value < 128) {
        text += static_cast<char>(value);
        content.remove_prefix(end + 1);
        continue;
      }
    }
    text += content.front();
    content.remove_prefix(1);
  }
  return text;
}

int64_t ParseUtc(const std::string& text) {
  tm utc{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (end == nullptr) return 0;
  return static_cast<int64_t>(timegm(&utc)) * 1000;
}

Status BucketError(const HttpAnswer& answer, const std::string& doing, const BucketPlace& place,
                   const std::string& key_id) {
  const std::string code = Element(answer.body, "Code");
  const std::string said = "HTTP " + std::to_string(answer.status) +
                           (code.empty() ? "" : " " + Excerpt(code, 60));
  const std::string what = place.Name() + ": " + doing + ": ";
  if (IsOneOf(code, kFull) || answer.status == 507)
    return Status(StatusCode::kUnavailable, ErrorReason::kStorageFull,
                  what + "the bucket is full (" + said +
                      "): make room there, or raise its quota; until then blobs stay on the "
                      "coordinator's disk");
  if (IsOneOf(code, kBusy) || answer.status >= 500 || answer.status == 429)
    return Unavailable(what + "the bucket is busy (" + said + ")");
  if (code == "RequestTimeTooSkewed")
    return FailedPrecondition(what + "the clocks differ (" + said + "; there it is " +
                              Excerpt(answer.Header("date"), 60) +
                              "): set this machine's clock, for example with chrony");
  if (IsOneOf(code, kEnded))
    return PermissionDenied(what + "the session of access key " + key_id + " has ended (" + said +
                            "): if it is of the credentials file, write a new one there; it is "
                            "looked for again by itself");
  if (IsOneOf(code, kDamaged))
    return Status(StatusCode::kUnavailable, ErrorReason::kDigestMismatch,
                  what + "what arrived had another digest (" + said +
                      "): the network changed it; it is sent again");
  if (code == "NoSuchBucket")
    return Status(StatusCode::kFailedPrecondition,
                  what + "there is no bucket " + place.bucket + " at " + place.endpoint + ": " +
                      (place.only_read ? std::string()
                                       : "make it (aws s3 mb s3://" + place.bucket +
                                             " --endpoint-url " + place.endpoint + "), or ") +
                      "mend " + place.named_in);
  if (answer.status == 301 || answer.status == 307 || code == "AuthorizationHeaderMalformed") {
    const std::string region = OtherRegion(answer);
    return FailedPrecondition(
        what + "the bucket is elsewhere (" + said + "): " +
        (region.empty() ? "name its region and endpoint in " + place.named_in +
                              ", which says now " + place.region + " and " + place.endpoint
                        : "say region=" + Excerpt(region, 40) + " in " + place.named_in));
  }
  if (answer.status == 401 || answer.status == 403)
    return PermissionDenied(what + "refused (" + said + "): " + AdviceForKey(code, key_id, place));
  if (code == "NoSuchKey" && place.only_read) return NotFound(what + "not there (" + said + ")");
  if (code == "NoSuchKey")
    return Status(StatusCode::kNotFound, ErrorReason::kBlobMissing,
                  what + "not there (" + said + ")");
  if (code == "NoSuchUpload") return NotFound(what + "not there (" + said + ")");
  if (answer.status == 404)
    return FailedPrecondition(what + said + ": what answers at " + place.endpoint +
                              " speaks no S3: mend the endpoint in " + place.named_in);
  return FailedPrecondition(what + said + ": " + Excerpt(Element(answer.body, "Message"), 200));
}

}  // namespace braid::storage
