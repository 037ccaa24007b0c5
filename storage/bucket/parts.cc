// Blobs that are sent to a bucket in parts (BucketStore::PutInParts). A file of JSON says which
// parts are there, so that neither a lost connection nor the end of this process costs more than a
// part.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/bucket/answers.h"
#include "storage/bucket/bucket_store.h"
#include "storage/bucket/parts_file.h"

namespace braid::storage {
namespace {

constexpr uint64_t kReadBack = uint64_t{8} << 20;
constexpr int64_t kBeginMs = 15'000;

}  // namespace

std::string BucketStore::PartsFile(const std::string& sha256) const {
  return JoinPath(folder_, sha256 + ".json");
}

Status BucketStore::PutInParts(const std::string& sha256, const std::string& path, uint64_t size) {
  const std::string file = PartsFile(sha256);
  BucketParts parts = BucketParts::Read(file, PartBytes(size, options_.part_bytes));
  const bool resumed = !parts.id.empty();
  if (!resumed) {
    // Before all of it is sent in vain.
    BRAID_ASSIGN_OR_RETURN(const std::string digest, Sha256File(path));
    if (digest != sha256) return HasChanged(sha256, path);
    BRAID_RETURN_IF_ERROR(BeginParts(sha256, file, &parts));
  }
  {
    MutexLock lock(mutex_);
    sending_.insert(parts.id);
  }
  Status status = SendParts(sha256, path, size, &parts);
  if (status.ok()) status = EndParts(sha256, size, parts, options_.tries);
  {
    MutexLock lock(mutex_);
    sending_.erase(parts.id);
  }
  const bool gone = status.code() == StatusCode::kNotFound;
  if (status.Is(ErrorReason::kDigestMismatch)) (void)AbortParts(KeyOf(sha256), parts.id);
  if (status.ok() || gone || status.Is(ErrorReason::kDigestMismatch))
    BRAID_RETURN_IF_ERROR(RemoveFile(file));
  if (!gone) return status;
  // Somebody has ended it there, as a rule of the bucket about unfinished uploads does.
  if (resumed) return PutInParts(sha256, path, size);
  return Unavailable(status.message());
}

Status BucketStore::BeginParts(const std::string& sha256, const std::string& file,
                               BucketParts* parts) {
  Call call{.method = "POST", .key = KeyOf(sha256), .query = {{"uploads", ""}}};
  // It is quick, or nothing is lost: whoever wants it begins again.
  call.deadline_ms = kBeginMs;
  call.tries = 2;
  call.headers = {{"x-amz-checksum-algorithm", "SHA256"}};
  BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer, Do(call, "beginning blob " + sha256));
  parts->id = Element(answer.body, "UploadId");
  if (parts->id.empty())
    return Internal(Name() + ": the bucket began an upload in parts and gave it no id");
  return parts->Write(file);
}

// The digest of the whole file is computed along the way: the bucket knows only those of parts.
Status BucketStore::SendParts(const std::string& sha256, const std::string& path, uint64_t size,
                              BucketParts* parts) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + path);
  Sha256 whole;
  size_t number = 0;
  for (uint64_t offset = 0; offset < size; offset += parts->part_bytes, ++number) {
    const uint64_t bytes = std::min(parts->part_bytes, size - offset);
    BRAID_ASSIGN_OR_RETURN(const std::string digest,
                           DigestOfPart(fd.get(), offset, bytes, path, &whole));
    if (number < parts->sent.size() && parts->sent[number].sha256 == digest) continue;
    parts->sent.resize(number);
    Call call{.method = "PUT", .key = KeyOf(sha256)};
    call.query = {{"partNumber", std::to_string(number + 1)}, {"uploadId", parts->id}};
    call.headers = {{"x-amz-checksum-sha256", ChecksumText(digest)}};
    call.payload = digest;
    call.file = path;
    call.offset = offset;
    call.bytes = bytes;
    BRAID_ASSIGN_OR_RETURN(
        const HttpAnswer answer,
        Do(call, "putting part " + std::to_string(number + 1) + " of blob " + sha256));
    parts->sent.push_back({answer.Header("etag"), digest});
    BRAID_RETURN_IF_ERROR(parts->Write(PartsFile(sha256)));
  }
  return whole.HexDigest() == sha256 ? OkStatus() : HasChanged(sha256, path);
}

Status BucketStore::EndParts(const std::string& sha256, uint64_t size, const BucketParts& parts,
                             int tries) {
  Call call{.method = "POST", .key = KeyOf(sha256), .query = {{"uploadId", parts.id}}};
  call.tries = tries;
  call.headers = {{"content-type", "application/xml"}};
  call.body = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < parts.sent.size(); ++i)
    call.body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" +
                 parts.sent[i].etag + "</ETag><ChecksumSHA256>" +
                 ChecksumText(parts.sent[i].sha256) + "</ChecksumSHA256></Part>";
  call.body += "</CompleteMultipartUpload>";
  call.payload = Sha256Hex(call.body);
  const Result<HttpAnswer> answer = Do(call, "completing blob " + sha256);
  // S3 begins to answer before it knows: only an answer with an ETag is a good one.
  if (answer.ok() && !Element(answer->body, "ETag").empty()) return OkStatus();
  // The answer of an earlier try may have been lost. But an object that is there may be another, as
  // one that has changed and is put again: its bytes decide.
  if (ReadBack(sha256, size).ok()) return OkStatus();
  BRAID_RETURN_IF_ERROR(answer.status());
  return Unavailable(Name() + ": completing blob " + sha256 + ": " +
                     (answer->body.empty() ? "no answer" : Element(answer->body, "Message")));
}

Status BucketStore::ReadBack(const std::string& sha256, uint64_t size) {
  Sha256 digest;
  for (uint64_t offset = 0; offset < size; offset += kReadBack) {
    BRAID_ASSIGN_OR_RETURN(const std::string piece,
                           Read(sha256, offset, std::min(kReadBack, size - offset)));
    digest.Update(piece);
  }
  return digest.HexDigest() == sha256 ? OkStatus() : DataLoss("blob " + sha256 + " has changed");
}

Status BucketStore::AbortParts(const std::string& key, const std::string& id) {
  const Status status = Do({.method = "DELETE", .key = key, .query = {{"uploadId", id}}},
                           "ending an upload of " + key)
                            .status();
  return status.code() == StatusCode::kNotFound ? OkStatus() : status;
}

Status BucketStore::DropAbandoned() {
  BRAID_RETURN_IF_ERROR(CheckOwner(/*again=*/true));
  const int64_t before_ms = SystemClock().WallMs() - options_.keep_parts_ms;
  const std::set<std::string> direct = DirectSince(before_ms);
  std::vector<std::pair<std::string, std::string>> old;
  BRAID_RETURN_IF_ERROR(caller_.EachPage(
      {{"uploads", ""}}, "listing its unfinished uploads", [&](const std::string& xml) {
        for (const std::string_view upload : Elements(xml, "Upload")) {
          const std::string key = Element(upload, "Key"), id = Element(upload, "UploadId");
          const std::string sha256(BaseName(key));
          const bool ours = IsSha256Hex(sha256) && key == KeyOf(sha256);
          MutexLock lock(mutex_);
          if (ours && !sending_.contains(id) && !direct.contains(id) &&
              ParseUtc(Element(upload, "Initiated")) < before_ms)
            old.emplace_back(key, id);
        }
        return OkStatus();
      }));
  for (const auto& [key, id] : old) {
    BRAID_RETURN_IF_ERROR(AbortParts(key, id));
    Log(LogLevel::kInfo, "bucket",
        Name() + ": ended an upload of " + key + " that nobody continued");
  }
  return OkStatus();
}

}  // namespace braid::storage
