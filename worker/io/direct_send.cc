#include "worker/io/direct_send.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/sha256.h"
#include "storage/bucket/answers.h"
#include "storage/bucket/parts_file.h"

namespace braid::worker {
namespace {

using storage::BlobPart;
using storage::SignedPut;

// So many parts have URLs at a time, which end after some minutes.
constexpr size_t kAtOnce = 4;
constexpr int kTries = 2;  // of each part, with another URL

// What the coordinator says of a blob that it would rather have itself.
bool IsToBeSentToIt(const Status& status) {
  return status.code() != StatusCode::kUnavailable && status.code() != StatusCode::kAborted &&
         !status.Is(ErrorReason::kBoundToSite) && !status.Is(ErrorReason::kPermissionDenied);
}

}  // namespace

DirectSend::DirectSend(const DirectWay::Options& options)
    : http_({.ca_file = options.ca_file, .idle_ms = options.idle_ms}),
      passage_({.blocked = "files go through the coordinator, and not directly to its bucket",
                .again = "files go directly to the coordinator's bucket again",
                .closed_ms = options.closed_ms,
                .clock = options.clock}) {}

Result<bool> DirectSend::Send(const Sending& sending, const Ask& ask) {
  Result<SendStep> begun = ask({}, false);
  if (!begun.ok() && IsToBeSentToIt(begun.status())) return false;
  BRAID_RETURN_IF_ERROR(begun.status());
  if (begun->complete) return true;
  if (begun->upload.part_bytes == 0) return false;
  BRAID_ASSIGN_OR_RETURN(const bool put,
                         PutAll(sending, begun->upload, std::move(begun->puts), ask));
  if (!put) return false;
  const Result<SendStep> end = ask({}, true);
  if (!end.ok() && IsToBeSentToIt(end.status())) return false;
  BRAID_RETURN_IF_ERROR(end.status());
  if (end->complete) passage_.Worked();
  return end->complete;
}

// The digest of the whole file is computed along the way: the coordinator would find another one,
// too, but not whether this disk is to blame.
Result<bool> DirectSend::PutAll(const Sending& sending, const storage::DirectUpload& upload,
                                std::vector<SignedPut> first, const Ask& ask) {
  const UniqueFd fd(open(sending.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "opening " + sending.path);
  Sha256 whole;
  std::vector<BlobPart> next;
  int64_t number = 1;
  for (uint64_t offset = 0; offset < sending.size; offset += upload.part_bytes, ++number) {
    const uint64_t bytes = std::min(upload.part_bytes, sending.size - offset);
    BlobPart part{number, ""};
    BRAID_ASSIGN_OR_RETURN(part.sha256,
                           storage::DigestOfPart(fd.get(), offset, bytes, sending.path, &whole));
    const bool last = offset + bytes == sending.size;
    const bool there = std::find(upload.there.begin(), upload.there.end(), part) !=
                       upload.there.end();
    if (!there) next.push_back(std::move(part));
    if (last && whole.HexDigest() != sending.sha256)
      return Status(StatusCode::kInvalidArgument, ErrorReason::kDigestMismatch,
                    "blob " + sending.sha256 + " has changed on this disk (" + sending.path + ")");
    if (next.empty() || (!last && next.size() < kAtOnce)) continue;
    BRAID_ASSIGN_OR_RETURN(const bool put,
                           PutThese(sending, upload.part_bytes, std::exchange(next, {}),
                                    std::exchange(first, {}), ask));
    if (!put) return false;
  }
  return true;
}

Result<bool> DirectSend::PutThese(const Sending& sending, uint64_t part_bytes,
                                  const std::vector<BlobPart>& parts, std::vector<SignedPut> puts,
                                  const Ask& ask) {
  std::string why;
  for (size_t at = 0, tries = 0; at < parts.size();) {
    const std::vector<BlobPart> left(parts.begin() + static_cast<std::ptrdiff_t>(at), parts.end());
    if (puts.size() != left.size()) {
      Result<SendStep> step = ask(left, false);
      if (!step.ok() && IsToBeSentToIt(step.status())) return false;
      BRAID_RETURN_IF_ERROR(step.status());
      if (step->puts.size() != left.size()) return step->complete;
      puts = std::move(step->puts);
    }
    storage::HttpRequest request;
    request.method = "PUT";
    request.url = puts.front().url;
    request.headers = puts.front().headers;
    request.file = sending.path;
    request.offset = static_cast<uint64_t>(parts[at].number - 1) * part_bytes;
    request.bytes = std::min(part_bytes, sending.size - request.offset);
    const Result<storage::HttpAnswer> answer = http_.Send(request);
    puts.erase(puts.begin());
    if (answer.ok() && answer->good()) {
      ++at;
      tries = 0;
      continue;
    }
    puts.clear();  // the others may have ended as well
    if (++tries < kTries) continue;
    // The bytes are others than they were a moment ago, of which the bucket is not to blame.
    if (answer.ok() && storage::Element(answer->body, "Code") == "BadDigest") return false;
    passage_.Close(answer.ok() ? WhyRefused(*answer) : answer.status().message());
    return false;
  }
  return true;
}

}  // namespace braid::worker
