#include "storage/bucket/bucket_store.h"

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "storage/bucket/answers.h"

namespace braid::storage {
namespace {

constexpr char kOwnerObject[] = "coordinator";
constexpr int64_t kOwnerMs = 15'000;
CallerOptions OptionsOf(const BucketOptions& options) {
  CallerOptions caller;
  caller.variables = options.variables;
  caller.machine_keys = true;
  caller.tries = options.tries;
  caller.first_pause_ms = options.first_pause_ms;
  caller.idle_ms = options.idle_ms;
  caller.stopped = [stop = options.stop] { return stop != nullptr && *stop; };
  return caller;
}

}  // namespace

std::string ChecksumText(const std::string& sha256) {
  std::string bytes;
  for (size_t i = 0; i + 1 < sha256.size(); i += 2)
    bytes += static_cast<char>(std::stoi(sha256.substr(i, 2), nullptr, 16));
  return Base64Encode(bytes);
}

Status HasChanged(const std::string& sha256, const std::string& path) {
  return Status(
      StatusCode::kDataLoss, ErrorReason::kDigestMismatch,
      "blob " + sha256 + " has changed on disk (" + path + "); remove it and send it again");
}

BucketStore::BucketStore(BucketPlace place, std::string folder, BucketOptions options)
    : place_(std::move(place)),
      folder_(std::move(folder)),
      options_(std::move(options)),
      caller_(place_, OptionsOf(options_)) {}

std::string BucketStore::KeyOf(const std::string& sha256) const {
  return JoinPath(JoinPath(place_.prefix, sha256.substr(0, 2)), sha256);
}

void BucketStore::Expect(const std::string& owner) {
  MutexLock lock(mutex_);
  expected_ = owner;
  confirmed_ = false;
}

Result<std::string> BucketStore::Owner() {
  Call call{.method = "GET", .key = JoinPath(place_.prefix, kOwnerObject)};
  // It is small, and others wait for it.
  call.deadline_ms = kOwnerMs;
  call.tries = std::min(options_.tries, 2);
  BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer, Do(call, "finding its owner"));
  return answer.body;
}

Status BucketStore::Claim(const std::string& owner) {
  Result<std::string> there = Owner();
  if (there.status().code() == StatusCode::kNotFound) {
    BRAID_RETURN_IF_ERROR(TryWrongDigest());
    Call put{.method = "PUT", .key = JoinPath(place_.prefix, kOwnerObject)};
    put.headers = {{"if-none-match", "*"}};  // of two that come at the same time, one is refused
    put.body = owner;
    put.payload = Sha256Hex(owner);
    const Status claimed = Do(put, "claiming it").status();
    there = Owner();
    if (!there.ok()) return claimed.ok() ? there.status() : claimed;
  }
  BRAID_RETURN_IF_ERROR(there.status());
  if (*there == owner) return OkStatus();
  return Status(StatusCode::kAlreadyExists, ErrorReason::kAlreadyExists,
                place_.Name() + " belongs to another coordinator or state folder (" +
                    there->substr(0, 80) + "): give each a prefix of its own (s3://" +
                    place_.bucket + "/another). If that one is gone for good, and this is its " +
                    "restored backup, delete the object " + JoinPath(place_.prefix, kOwnerObject) +
                    " there and start again");
}

// All that braid believes of a bucket rests on it.
Status BucketStore::TryWrongDigest() {
  Call call{.method = "PUT", .key = JoinPath(place_.prefix, "probe")};
  call.body = "changed on the way";
  call.payload = Sha256Hex("what was sent");
  call.headers = {{"x-amz-checksum-sha256", ChecksumText(call.payload)}};
  const Status status = caller_.Once(call, "trying a wrong digest").status();
  if (status.Is(ErrorReason::kDigestMismatch)) return OkStatus();
  if (!status.ok()) return status;
  (void)Do({.method = "DELETE", .key = call.key}, "deleting a probe");
  return FailedPrecondition(place_.Name() +
                            ": the bucket takes bytes with a wrong digest, so nothing that it says "
                            "is stored can be believed: use another server");
}

Status BucketStore::CheckOwner(bool again) {
  std::string expected;
  {
    MutexLock lock(mutex_);
    if (expected_.empty() || (confirmed_ && !again)) return OkStatus();
    expected = expected_;
  }
  const Result<std::string> there = Owner();
  const bool wrong = there.status().code() == StatusCode::kNotFound ||
                     (there.ok() && *there != expected);
  if (wrong) {
    MutexLock lock(mutex_);
    confirmed_ = false;
    return FailedPrecondition(
        place_.Name() + " at " + place_.endpoint +
        (there.ok() ? " belongs to another coordinator now"
                    : " has no object " + JoinPath(place_.prefix, kOwnerObject) +
                          ": is it another server, or was it emptied?") +
        " Nothing is put, deleted or believed until that is mended (docs/operating.md, Disk)");
  }
  BRAID_RETURN_IF_ERROR(there.status());
  MutexLock lock(mutex_);
  confirmed_ = true;
  return OkStatus();
}

Status BucketStore::Put(const std::string& sha256, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckOwner(/*again=*/false));
  DropDirect(sha256);
  BRAID_ASSIGN_OR_RETURN(const uint64_t size, FileSize(path));
  return size <= options_.part_bytes ? PutWhole(sha256, path, size)
                                     : PutInParts(sha256, path, size);
}

Status BucketStore::PutWhole(const std::string& sha256, const std::string& path, uint64_t size) {
  Call call{.method = "PUT", .key = KeyOf(sha256), .payload = sha256};
  call.headers = {{"x-amz-checksum-sha256", ChecksumText(sha256)}};
  if (size > 0) call.file = path;
  call.bytes = size;
  const Status status = Do(call, "putting blob " + sha256).status();
  if (!status.Is(ErrorReason::kDigestMismatch)) return status;
  // It may be this disk and not the network.
  BRAID_ASSIGN_OR_RETURN(const std::string digest, Sha256File(path));
  return digest == sha256 ? status : HasChanged(sha256, path);
}

Result<std::string> BucketStore::Read(const std::string& sha256, uint64_t offset, uint64_t bytes) {
  if (bytes == 0) return std::string();
  // Somebody waits for it, who can ask again.
  Call call{.method = "GET", .key = KeyOf(sha256), .deadline_ms = options_.idle_ms, .tries = 2};
  call.headers = {{"range", Format("bytes=%llu-%llu", (unsigned long long)offset,
                                   (unsigned long long)(offset + bytes - 1))}};
  Result<HttpAnswer> got = Do(call, "reading blob " + sha256);
  if (got.status().Is(ErrorReason::kBlobMissing)) BRAID_RETURN_IF_ERROR(CheckOwner(/*again=*/true));
  BRAID_RETURN_IF_ERROR(got.status());
  HttpAnswer& answer = *got;
  if (answer.status != 206 && offset > 0)
    return Internal(place_.Name() + ": the bucket does not know ranges (HTTP " +
                    std::to_string(answer.status) + ")");
  if (answer.body.size() > bytes) answer.body.resize(bytes);
  if (answer.body.size() == bytes) return std::move(answer.body);
  return DataLoss(place_.Name() + ": blob " + sha256 + " ends at byte " +
                  std::to_string(offset + answer.body.size()) + " there: it has changed");
}

Result<std::string> BucketStore::UrlOf(const std::string& sha256) {
  if (!place_.direct) return std::string();
  {
    MutexLock lock(mutex_);
    // Who reads by a URL knows less of the bucket than this process.
    if (!expected_.empty() && !confirmed_) return std::string();
  }
  return caller_.SignedUrl(KeyOf(sha256), kUrlSeconds);
}

Status BucketStore::Remove(const std::string& sha256) {
  BRAID_RETURN_IF_ERROR(CheckOwner(/*again=*/false));
  const Status status =
      Do({.method = "DELETE", .key = KeyOf(sha256)}, "deleting blob " + sha256).status();
  return status.code() == StatusCode::kNotFound ? OkStatus() : status;
}

Result<std::vector<RemoteBlob>> BucketStore::List() {
  std::vector<RemoteBlob> blobs;
  BRAID_RETURN_IF_ERROR(CheckOwner(/*again=*/true));
  BRAID_RETURN_IF_ERROR(
      caller_.EachPage({{"list-type", "2"}}, "listing its objects", [&](const std::string& xml) {
        for (const std::string_view object : Elements(xml, "Contents")) {
          const std::string key = Element(object, "Key");
          const std::string sha256(BaseName(key));
          if (!IsSha256Hex(sha256) || key != KeyOf(sha256)) continue;  // somebody else's
          BRAID_ASSIGN_OR_RETURN(const int64_t size, ParseInt(Element(object, "Size")));
          blobs.push_back(
              {sha256, static_cast<uint64_t>(size), ParseUtc(Element(object, "LastModified"))});
        }
        return OkStatus();
      }));
  return blobs;
}

Status BucketStore::Check() {
  std::map<std::string, std::string> query = {{"list-type", "2"}, {"max-keys", "1"}};
  if (!place_.prefix.empty()) query["prefix"] = place_.prefix + "/";
  BRAID_RETURN_IF_ERROR(
      caller_.Once({.method = "GET", .query = query}, "listing its objects").status());
  return CheckOwner(/*again=*/true);
}

}  // namespace braid::storage
