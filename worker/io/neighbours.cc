#include "worker/io/neighbours.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace braid::worker {
namespace {

constexpr char kNeighbours[] = "neighbours";
// A neighbour that fails so often while one file is fetched is not asked for it any more.
constexpr int kMostFailures = 2;

}  // namespace

struct Neighbours::Attempt {
  const DownloadBlob& blob;
  const uint64_t& offset;
  const TakePiece& take;
  // Of `take`: it is this worker's own affair, and ends the attempt.
  Status own;
  std::map<std::string, int> failures;
  bool busy = false;   // a neighbour serves others now
  bool again = false;  // one gave something and then failed
};

Status Neighbours::Fetch(const DownloadBlob& blob, const uint64_t& offset, const TakePiece& take,
                         const StopSignal& stop) {
  if (blob.size < kLeastBytes) return OkStatus();
  Attempt attempt{blob, offset, take, OkStatus(), {}};
  const int64_t patient_until_ms = clock_.MonotonicMs() + kPatienceMs +
                                   static_cast<int64_t>(blob.size / kPatienceBytesPerS) * 1000;
  while (!stop.IsSet()) {
    const Result<NeighbourList> found = link_.Find(blob);
    if (!found.ok()) return OkStatus();
    attempt.busy = attempt.again = false;
    for (const Neighbour& neighbour : found->neighbours) {
      if (IsAside(neighbour.worker) || attempt.failures[neighbour.worker] >= kMostFailures)
        continue;
      const uint64_t before = offset;
      const Status status = ReadFrom(neighbour, attempt);
      if (!attempt.own.ok()) return attempt.own;
      if (offset == blob.size) return OkStatus();
      OnFailure(neighbour, status, offset > before, attempt);
    }
    if (attempt.again) continue;
    const bool later = attempt.busy || found->wait;
    if (!later || clock_.MonotonicMs() >= patient_until_ms) return OkStatus();
    (void)stop.WaitFor(ask_again_ms_);
  }
  return OkStatus();
}

Status Neighbours::ReadFrom(const Neighbour& neighbour, Attempt& attempt) {
  const DownloadBlob& blob = attempt.blob;
  while (attempt.offset < blob.size) {
    const uint64_t before = attempt.offset;
    const uint64_t length = std::min(kPartBytes, blob.size - before);
    uint64_t got = 0;
    const auto take = [&](std::string_view piece) -> Status {
      got += piece.size();
      if (got > length) return Unavailable("it sends more than it was asked for");
      {
        MutexLock lock(mutex_);
        given_[blob.sha256][neighbour.worker] += piece.size();
      }
      attempt.own = attempt.take(piece);
      return attempt.own;
    };
    BRAID_RETURN_IF_ERROR(link_.Read(neighbour, blob.sha256, before, length, take));
    if (got < length) return Unavailable("it sends less than it was asked for");
  }
  return OkStatus();
}

void Neighbours::OnFailure(const Neighbour& neighbour, const Status& status, bool some,
                           Attempt& attempt) {
  if (status.code() == StatusCode::kResourceExhausted) {
    attempt.busy = true;
    return;
  }
  const int failures = ++attempt.failures[neighbour.worker];
  if (some && status.code() != StatusCode::kDeadlineExceeded && failures < kMostFailures) {
    attempt.again = true;
    return;
  }
  attempt.failures[neighbour.worker] = kMostFailures;
  // It may have other files.
  if (status.code() == StatusCode::kNotFound) return;
  SetAside(neighbour.worker, kAsideMs);
  Log(LogLevel::kInfo, kNeighbours,
      "files are not fetched from worker " + neighbour.worker + " at " + neighbour.address +
          " for the next " + FormatDuration(kAsideMs / 1000) +
          ", but from others or from the "
          "coordinator: " +
          status.message());
}

bool Neighbours::Distrust(const std::string& sha256) {
  MutexLock lock(mutex_);
  const auto given = given_.extract(sha256);
  if (given.empty()) return false;
  for (const auto& [worker, bytes] : given.mapped()) {
    aside_until_ms_[worker] = clock_.MonotonicMs() + kDistrustMs;
    Log(LogLevel::kWarning, kNeighbours,
        "of file " + sha256 + ", " + FormatBytes(bytes) + " came from worker " + worker +
            ", and together the bytes do not have its digest: it is fetched from the coordinator, "
            "and nothing from that worker for the next " +
            FormatDuration(kDistrustMs / 1000) + "; look at its disk");
  }
  return true;
}

void Neighbours::Arrived(const DownloadBlob& blob) {
  if (blob.size < kLeastBytes) return;
  uint64_t bytes = 0;
  {
    MutexLock lock(mutex_);
    if (const auto given = given_.extract(blob.sha256); !given.empty()) {
      for (const auto& [worker, count] : given.mapped()) bytes += count;
    }
  }
  (void)link_.ReportFetched(blob, bytes);
}

bool Neighbours::IsAside(const std::string& worker) const {
  MutexLock lock(mutex_);
  const auto until = aside_until_ms_.find(worker);
  return until != aside_until_ms_.end() && clock_.MonotonicMs() < until->second;
}

void Neighbours::SetAside(const std::string& worker, int64_t ms) {
  MutexLock lock(mutex_);
  int64_t& until_ms = aside_until_ms_[worker];
  until_ms = std::max(until_ms, clock_.MonotonicMs() + ms);
}

}  // namespace braid::worker
