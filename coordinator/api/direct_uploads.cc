#include "coordinator/api/direct_uploads.h"

#include <limits>

#include "base/log.h"
#include "coordinator/api/uploads.h"

namespace braid::coordinator {
namespace {

constexpr size_t kMostKnown = 10'000;  // blobs

}  // namespace

Status DirectUploads::Take(const std::string& sha256, const std::string& worker) {
  MutexLock lock(mutex_);
  const int64_t now_ms = clock_->MonotonicMs();
  if (senders_.size() >= kMostKnown && !senders_.contains(sha256))
    std::erase_if(senders_, [&](const auto& one) { return one.second.until_ms <= now_ms; });
  Sender& sender = senders_[sha256];
  if (sender.worker != worker && now_ms < sender.until_ms)
    return Unavailable("worker " + sender.worker + " sends blob " + sha256 + " already");
  sender.worker = worker;
  sender.until_ms = now_ms + kSilentMs;
  return OkStatus();
}

bool DirectUploads::IsOpen() const {
  MutexLock lock(mutex_);
  return clock_->MonotonicMs() >= closed_until_ms_;
}

bool DirectUploads::IsRefused(const std::string& sha256) const {
  MutexLock lock(mutex_);
  return refused_.contains(sha256);
}

void DirectUploads::Close(const Status& why) {
  MutexLock lock(mutex_);
  closed_until_ms_ = clock_->MonotonicMs() + kClosedMs;
  if (said_ == why.message()) return;
  said_ = why.message();
  Log(LogLevel::kWarning, "coordinator",
      why.message() + "; until that is mended, workers send their files through the coordinator");
}

void DirectUploads::Ended(const DirectAsked& asked, const Status& status) {
  MutexLock lock(mutex_);
  if (status.ok()) {
    said_.clear();
    senders_.erase(asked.sha256);
    return;
  }
  Sender& sender = senders_[asked.sha256];
  sender.until_ms = clock_->MonotonicMs() + kSilentMs;
  const bool wrong = status.Is(ErrorReason::kDigestMismatch);
  if (status.code() == StatusCode::kUnavailable) ++sender.failed_ends;
  if (!wrong && sender.failed_ends < kMostFailedEnds) return;
  senders_.erase(asked.sha256);
  if (refused_.size() >= kMostKnown) refused_.clear();
  refused_.insert(asked.sha256);
  Log(LogLevel::kWarning, "coordinator",
      "worker " + asked.worker + " ended an upload to the bucket: " + status.message() +
          "; this file goes through the coordinator now");
}

Result<DirectStep> DirectUploads::Step(const DirectAsked& asked, storage::BlobStore* blobs) {
  BRAID_RETURN_IF_ERROR(CheckDigest(asked.sha256));
  if (asked.parts.size() > kMostParts)
    return InvalidArgument("at most " + std::to_string(kMostParts) + " parts in one request");
  DirectStep step;
  step.complete = blobs->Promise(asked.sha256);
  if (step.complete || asked.size < kLeastBytes || IsRefused(asked.sha256)) return step;
  const bool begins = asked.parts.empty() && !asked.end;
  if (begins && !IsOpen()) return step;
  BRAID_RETURN_IF_ERROR(Take(asked.sha256, asked.worker));
  Result<DirectStep> done = begins      ? Begin(asked, blobs)
                            : asked.end ? End(asked, blobs)
                                        : Sign(asked, asked.parts, blobs);
  // Another call of the same blob is not over.
  if (done.status().code() == StatusCode::kAborted) return Unavailable(done.status().message());
  return done;
}

Result<DirectStep> DirectUploads::Begin(const DirectAsked& asked, storage::BlobStore* blobs) {
  const Result<storage::DirectUpload> begun = blobs->BeginDirect(asked.sha256, asked.size);
  if (begun.status().code() == StatusCode::kAborted) return begun.status();
  if (!begun.ok()) {
    Close(begun.status());
    return DirectStep();
  }
  DirectStep step;
  // The one part of a blob has its digest: no further call is needed to ask for it.
  if (begun->part_bytes > 0 && asked.size <= begun->part_bytes) {
    BRAID_ASSIGN_OR_RETURN(step, Sign(asked, {{1, asked.sha256}}, blobs));
    if (step.puts.empty()) return step;
  }
  step.upload = *begun;
  return step;
}

Result<DirectStep> DirectUploads::Sign(const DirectAsked& asked,
                                       const std::vector<storage::BlobPart>& parts,
                                       storage::BlobStore* blobs) {
  Result<std::vector<storage::SignedPut>> puts = blobs->SignDirect(asked.sha256, asked.size, parts);
  DirectStep step;
  if (puts.ok()) {
    step.puts = *std::move(puts);
    return step;
  }
  const StatusCode code = puts.status().code();
  if (code == StatusCode::kAborted || code == StatusCode::kInvalidArgument ||
      code == StatusCode::kFailedPrecondition)
    return puts.status();
  Close(puts.status());
  return step;
}

Result<DirectStep> DirectUploads::End(const DirectAsked& asked, storage::BlobStore* blobs) {
  {
    // The end may read the whole blob, which may take longer than kSilentMs; nobody else is to send
    // the blob in the meantime.
    MutexLock lock(mutex_);
    senders_[asked.sha256].until_ms = std::numeric_limits<int64_t>::max();
  }
  const Result<bool> ended = blobs->EndDirect(asked.sha256, asked.size);
  Ended(asked, ended.status());
  DirectStep step;
  if (ended.ok()) {
    step.complete = true;
    step.ended = *ended;
    return step;
  }
  const StatusCode code = ended.status().code();
  if (code == StatusCode::kAborted || code == StatusCode::kUnavailable ||
      code == StatusCode::kNotFound || code == StatusCode::kInvalidArgument)
    return ended.status();
  Close(ended.status());
  return step;
}

}  // namespace braid::coordinator
