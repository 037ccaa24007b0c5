// Blobs that others put into the bucket by requests that are signed here
// (BucketStore::BeginDirect).
//
// A part is signed with its size and digest, which the bucket compares. Of a blob of one part that
// is the digest of the whole. Of parts it does not follow: then the bucket computes it once more,
// if it can (AWS does, when an object is copied), and otherwise the blob is read back.
#include <sys/stat.h>

#include <algorithm>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "storage/bucket/answers.h"
#include "storage/bucket/bucket_store.h"
#include "storage/files/file_time.h"

namespace braid::storage {
namespace {

constexpr char kDirectEnd[] = ".direct.json";
// S3's limits of a part, and of what is copied by one request.
constexpr uint64_t kMostPart = uint64_t{5} << 30;
constexpr uint64_t kMostCopied = uint64_t{5} << 30;
// Unfinished uploads that others make, of which each has a file here.
constexpr size_t kMostDirect = 1024;
// A worker waits for the answer, and the coordinator takes its file if there is none.
constexpr int64_t kAnswerMs = 15'000;
constexpr int kTries = 2;
constexpr char kChecksum[] = "x-amz-checksum-sha256";

int64_t CountOf(uint64_t size, uint64_t part_bytes) {
  return static_cast<int64_t>((size + part_bytes - 1) / part_bytes);
}

uint64_t SizeOfPart(int64_t number, uint64_t size, uint64_t part_bytes) {
  return std::min(part_bytes, size - static_cast<uint64_t>(number - 1) * part_bytes);
}

}  // namespace

std::string BucketStore::DirectFile(const std::string& sha256) const {
  return JoinPath(folder_, sha256 + kDirectEnd);
}

Result<bool> BucketStore::HoldsToSigned() {
  {
    MutexLock lock(mutex_);
    if (holds_to_signed_.has_value()) return *holds_to_signed_;
  }
  const std::string changed = "changed on the way";
  Call call{.method = "PUT", .key = JoinPath(place_.prefix, "probe")};
  call.headers = {{kChecksum, ChecksumText(Sha256Hex("what was sent"))},
                  {"content-length", std::to_string(changed.size())}};
  HttpRequest request;
  request.method = call.method;
  BRAID_ASSIGN_OR_RETURN(request.url, caller_.SignedUrl(call, kUrlSeconds));
  request.headers = call.headers;
  request.body = changed;
  request.deadline_ms = kAnswerMs;
  HttpClient client({.ca_file = place_.ca_file,
                     .idle_ms = options_.idle_ms,
                     .stopped = [stop = options_.stop] { return stop != nullptr && *stop; }});
  const std::string doing = "trying a signed URL with other bytes";
  Result<HttpAnswer> answer = client.Send(request);
  if (!answer.ok()) return answer.status().Wrap(Name() + ": " + doing);
  if (!answer->good()) {
    const Status status = BucketError(*answer, doing, place_, "");
    if (!status.Is(ErrorReason::kDigestMismatch)) return status;
  } else {
    (void)Do({.method = "DELETE", .key = call.key}, "deleting a probe");
    Log(LogLevel::kError, "bucket",
        Name() +
            ": the bucket takes other bytes than a URL was signed for, so workers get none to "
            "write with: their files go through the coordinator");
  }
  MutexLock lock(mutex_);
  holds_to_signed_ = !answer->good();
  return *holds_to_signed_;
}

Result<std::map<int64_t, BucketStore::Listed>> BucketStore::ListParts(const std::string& sha256,
                                                                      const std::string& id) {
  std::map<int64_t, Listed> parts;
  Call call{.method = "GET", .key = KeyOf(sha256), .query = {{"uploadId", id}}};
  call.deadline_ms = kAnswerMs;
  call.tries = kTries;
  while (true) {
    BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer, Do(call, "listing parts of blob " + sha256));
    for (const std::string_view part : Elements(answer.body, "Part")) {
      BRAID_ASSIGN_OR_RETURN(const int64_t number, ParseInt(Element(part, "PartNumber")));
      BRAID_ASSIGN_OR_RETURN(const int64_t size, ParseInt(Element(part, "Size")));
      parts[number] = {XmlText(Element(part, "ETag")), static_cast<uint64_t>(size),
                       Element(part, "ChecksumSHA256")};
    }
    if (Element(answer.body, "IsTruncated") != "true") return parts;
    const std::string next = Element(answer.body, "NextPartNumberMarker");
    if (next.empty() || next == call.query["part-number-marker"])
      return Internal(Name() + ": listing parts of blob " + sha256 + ": a page without its next");
    call.query["part-number-marker"] = next;
  }
}

std::vector<BlobPart> BucketStore::PartsThere(const std::map<int64_t, Listed>& listed,
                                              const BucketParts& parts, uint64_t size) {
  std::vector<BlobPart> there;
  const int64_t count = CountOf(size, parts.part_bytes);
  for (const auto& [number, part] : listed) {
    if (number < 1 || number > std::min(count, std::ssize(parts.sent))) continue;
    const std::string& sha256 = parts.sent[static_cast<size_t>(number - 1)].sha256;
    if (sha256.empty() || part.size != SizeOfPart(number, size, parts.part_bytes)) continue;
    if (!part.checksum.empty() && part.checksum != ChecksumText(sha256)) continue;
    there.push_back({number, sha256});
  }
  return there;
}

Result<DirectUpload> BucketStore::BeginDirect(const std::string& sha256, uint64_t size) {
  DirectUpload upload;
  const uint64_t part_bytes = PartBytes(size, options_.part_bytes);
  if (!place_.direct || size == 0 || part_bytes > kMostPart) return upload;
  BRAID_RETURN_IF_ERROR(CheckOwner(/*again=*/false));
  BRAID_ASSIGN_OR_RETURN(const bool holds, HoldsToSigned());
  if (!holds) return upload;
  upload.part_bytes = part_bytes;
  if (size <= part_bytes) return upload;
  BucketParts parts = BucketParts::Read(DirectFile(sha256), part_bytes);
  if (!parts.id.empty()) {
    const auto listed = ListParts(sha256, parts.id);
    if (listed.ok()) upload.there = PartsThere(*listed, parts, size);
    if (listed.ok()) return upload;
    if (listed.status().code() != StatusCode::kNotFound) return listed.status();
    // They may have become one already, and nobody knows: then only the end is missing.
    const bool known = std::ssize(parts.sent) == CountOf(size, part_bytes) &&
                       std::all_of(parts.sent.begin(), parts.sent.end(),
                                   [](const auto& part) { return !part.sha256.empty(); });
    if (known && IsThere(sha256, size)) {
      for (const BucketParts::Part& part : parts.sent)
        upload.there.push_back({std::ssize(upload.there) + 1, part.sha256});
      return upload;
    }
    parts.sent.clear();
  }
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListFolder(folder_));
  const auto open = std::count_if(files.begin(), files.end(), [](const std::string& file) {
    return file.ends_with(kDirectEnd);
  });
  if (static_cast<size_t>(open) >= kMostDirect) return DirectUpload();
  BRAID_RETURN_IF_ERROR(BeginParts(sha256, DirectFile(sha256), &parts));
  // Whoever may not list the parts could not make one of them: found before anything is sent.
  if (const auto listed = ListParts(sha256, parts.id); !listed.ok()) {
    DropDirect(sha256);
    return listed.status();
  }
  return upload;
}

// What is signed for is written down first: the bucket is told it again when the parts become one.
Result<std::vector<SignedPut>> BucketStore::SignDirect(const std::string& sha256, uint64_t size,
                                                       const std::vector<BlobPart>& parts) {
  const uint64_t part_bytes = PartBytes(size, options_.part_bytes);
  const bool whole = size <= part_bytes;
  const int64_t count = CountOf(size, part_bytes);
  BucketParts upload;
  if (!whole) {
    upload = BucketParts::Read(DirectFile(sha256), part_bytes);
    if (upload.id.empty())
      return FailedPrecondition("no upload of blob " + sha256 + " was begun: begin again");
    upload.sent.resize(static_cast<size_t>(count));
  }
  for (const BlobPart& part : parts) {
    if (part.number < 1 || part.number > count || !IsSha256Hex(part.sha256) ||
        (whole && part.sha256 != sha256))
      return InvalidArgument("blob " + sha256 + " has no part " + std::to_string(part.number) +
                             " with the digest \"" + part.sha256.substr(0, 64) + "\"");
    if (!whole) upload.sent[static_cast<size_t>(part.number - 1)].sha256 = part.sha256;
  }
  if (!whole) BRAID_RETURN_IF_ERROR(upload.Write(DirectFile(sha256)));
  std::vector<SignedPut> puts;
  for (const BlobPart& part : parts) {
    Call call{.method = "PUT", .key = KeyOf(sha256)};
    if (!whole) call.query = {{"partNumber", std::to_string(part.number)}, {"uploadId", upload.id}};
    SignedPut put;
    put.headers = {{kChecksum, ChecksumText(part.sha256)},
                   {"content-length", std::to_string(SizeOfPart(part.number, size, part_bytes))}};
    call.headers = put.headers;
    BRAID_ASSIGN_OR_RETURN(put.url, caller_.SignedUrl(call, kUrlSeconds));
    puts.push_back(std::move(put));
  }
  return puts;
}

Status BucketStore::EndDirect(const std::string& sha256, uint64_t size) {
  BRAID_RETURN_IF_ERROR(CheckOwner(/*again=*/false));
  BRAID_RETURN_IF_ERROR(CompleteDirect(sha256, size));
  const Status confirmed = Confirm(sha256, size);
  if (confirmed.code() == StatusCode::kDataLoss) {
    BRAID_RETURN_IF_ERROR(Remove(sha256));
    (void)RemoveFile(DirectFile(sha256));
    return Status(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch,
                  "blob " + sha256 + ": the bytes in " + Name() +
                      " have another digest; nothing was stored, send it again");
  }
  BRAID_RETURN_IF_ERROR(confirmed);
  return RemoveFile(DirectFile(sha256));
}

// Does nothing if the parts have become one already: the answer of an earlier try may have been
// lost, or what came after it.
Status BucketStore::CompleteDirect(const std::string& sha256, uint64_t size) {
  const uint64_t part_bytes = PartBytes(size, options_.part_bytes);
  if (size <= part_bytes) return OkStatus();
  BucketParts parts = BucketParts::Read(DirectFile(sha256), part_bytes);
  if (parts.id.empty()) return OkStatus();
  const auto listed = ListParts(sha256, parts.id);
  if (listed.status().code() == StatusCode::kNotFound) return OkStatus();
  BRAID_RETURN_IF_ERROR(listed.status());
  const std::vector<BlobPart> there = PartsThere(*listed, parts, size);
  for (int64_t number = 1; number <= CountOf(size, part_bytes); ++number) {
    if (number > std::ssize(there) || there[static_cast<size_t>(number - 1)].number != number)
      return Status(StatusCode::kNotFound, ErrorReason::kBlobMissing,
                    "part " + std::to_string(number) + " of blob " + sha256 + " is not in " +
                        Name() + " yet: put it there");
    parts.sent[static_cast<size_t>(number - 1)].etag = listed->at(number).etag;
  }
  return EndParts(sha256, size, parts, kTries);
}

Result<HttpAnswer> BucketStore::Head(const std::string& sha256) {
  Call call{.method = "HEAD", .key = KeyOf(sha256), .deadline_ms = kAnswerMs, .tries = kTries};
  call.headers = {{"x-amz-checksum-mode", "ENABLED"}};
  return Do(call, "looking at blob " + sha256);
}

Status BucketStore::Confirm(const std::string& sha256, uint64_t size) {
  BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer, Head(sha256));
  if (answer.Header("content-length") != std::to_string(size))
    return DataLoss("blob " + sha256 + " has another size in " + Name());
  if (answer.Header(kChecksum) == ChecksumText(sha256)) return OkStatus();
  // An upload in parts has a digest of their digests, with their number behind it.
  if (size <= kMostCopied && ComputedThere(sha256) == ChecksumText(sha256)) return OkStatus();
  // Only bytes can prove that it is wrong, at the second look: a connection without TLS may have
  // changed them.
  const Status read = ReadBack(sha256, size);
  return read.code() == StatusCode::kDataLoss ? ReadBack(sha256, size) : read;
}

bool BucketStore::IsThere(const std::string& sha256, uint64_t size) {
  const Result<HttpAnswer> answer = Head(sha256);
  return answer.ok() && answer->Header("content-length") == std::to_string(size);
}

std::string BucketStore::ComputedThere(const std::string& sha256) {
  {
    MutexLock lock(mutex_);
    if (!computes_) return "";
  }
  Call call{.method = "PUT", .key = KeyOf(sha256), .tries = 1};
  call.headers = {{"x-amz-copy-source", "/" + place_.bucket + "/" + UriEncode(KeyOf(sha256), true)},
                  {"x-amz-metadata-directive", "REPLACE"},
                  {"x-amz-checksum-algorithm", "SHA256"}};
  const Result<HttpAnswer> answer = Do(call, "having the digest of blob " + sha256 + " computed");
  std::string computed = answer.ok() ? XmlText(Element(answer->body, "ChecksumSHA256")) : "";
  if (computed.find('-') != std::string::npos) computed.clear();  // of parts again
  MutexLock lock(mutex_);
  computes_ = !computed.empty() || answer.status().code() == StatusCode::kUnavailable;
  return computed;
}

void BucketStore::DropDirect(const std::string& sha256) {
  const std::string file = DirectFile(sha256);
  if (!PathExists(file)) return;
  const BucketParts parts = BucketParts::Read(file, 0);
  if (!parts.id.empty() && !AbortParts(KeyOf(sha256), parts.id).ok()) return;  // later
  (void)RemoveFile(file);
}

std::set<std::string> BucketStore::DirectSince(int64_t ms) {
  std::set<std::string> ids;
  const Result<std::vector<std::string>> files = ListFolder(folder_);
  for (const std::string& name : files.ok() ? *files : std::vector<std::string>()) {
    if (!name.ends_with(kDirectEnd)) continue;
    const std::string file = JoinPath(folder_, name);
    struct stat info{};
    const bool young = stat(file.c_str(), &info) == 0 && ModifiedMs(info) >= ms;
    if (young) ids.insert(BucketParts::Read(file, 0).id);
    if (!young) DropDirect(name.substr(0, name.size() - std::string(kDirectEnd).size()));
  }
  return ids;
}

}  // namespace braid::storage
