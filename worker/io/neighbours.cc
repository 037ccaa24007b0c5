#include "worker/io/neighbours.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace braid::worker {
namespace {

constexpr char kNeighbours[] = "neighbours";
// A neighbour that fails so often in a row while one file is fetched is not asked for it any more.
constexpr int kMostFailures = 2;

}  // namespace

struct Neighbours::Attempt {
  const DownloadBlob& blob;
  const uint64_t& offset;
  const TakePiece& take;
  // Of `take`: it is this worker's own affair, and ends the attempt.
  Status own;
  std::map<std::string, int> failures;
  // Workers from which the file does not come, and fetchers that can be reached.
  std::set<std::string> except, reached;
  bool busy = false;   // a neighbour serves others now
  bool again = false;  // the coordinator may name others, or the same with a new ticket
};

Status Neighbours::Fetch(const DownloadBlob& blob, const uint64_t& offset, const TakePiece& take,
                         const StopSignal& stop) {
  if (blob.size < kLeastBytes) return OkStatus();
  const int64_t begun_ms = clock_.MonotonicMs();
  {
    MutexLock lock(mutex_);
    if (begun_ms < alone_until_ms_) return OkStatus();
  }
  Attempt attempt{blob, offset, take, OkStatus(), {}, {}, {}};
  const int64_t patient_until_ms = begun_ms + kPatienceMs +
                                   static_cast<int64_t>(blob.size / kPatienceBytesPerS) * 1000;
  int64_t pause_ms = ask_again_ms_, busy_since_ms = 0;
  while (!stop.IsSet() && attempt.except.size() <= kMostExcept) {
    const Result<NeighbourList> found = link_.Find(blob, attempt.except);
    if (!found.ok()) return OkStatus();
    if (found->alone) {
      MutexLock lock(mutex_);
      alone_until_ms_ = clock_.MonotonicMs() + kAloneMs;
      return OkStatus();
    }
    attempt.busy = attempt.again = false;
    const uint64_t before = offset;
    BRAID_RETURN_IF_ERROR(ReadFromAll(found->neighbours, attempt));
    if (offset == blob.size) return OkStatus();
    if (offset > before) busy_since_ms = 0;
    const bool waits = !attempt.busy && !attempt.again && found->fetcher.has_value() &&
                       Reaches(*found->fetcher, attempt);
    if (attempt.again) continue;
    const int64_t now_ms = clock_.MonotonicMs();
    if (attempt.busy && busy_since_ms == 0) busy_since_ms = now_ms;
    const bool patient = attempt.busy ? now_ms - busy_since_ms < kBusyMs
                                      : waits && now_ms < patient_until_ms;
    if (!patient) return OkStatus();
    (void)stop.WaitFor(pause_ms);
    pause_ms = std::min(pause_ms * 2, kAskLatestMs);
  }
  return OkStatus();
}

Status Neighbours::FetchBound(const DownloadBlob& blob, const uint64_t& offset,
                              const TakePiece& take, const StopSignal& stop) {
  Attempt attempt{blob, offset, take, OkStatus(), {}, {}, {}};
  const Status nobody = NotFound("no worker that has it is connected and serves files");
  Status why = nobody;
  // In each round all that have it are asked once. Those that gave nothing in this one:
  std::set<std::string> silent;
  uint64_t begun = offset;
  int64_t still_since_ms = clock_.MonotonicMs(), pause_ms = ask_again_ms_;
  while (!stop.IsSet()) {
    std::set<std::string> except = attempt.except;
    except.insert(silent.begin(), silent.end());
    BRAID_ASSIGN_OR_RETURN(const NeighbourList found, link_.Find(blob, except));
    bool others = false;
    for (const Neighbour& neighbour : found.neighbours) {
      if (except.contains(neighbour.worker)) continue;
      others = true;
      if (Lied(neighbour, blob.sha256)) {
        attempt.except.insert(neighbour.worker);
        continue;
      }
      const uint64_t before = offset;
      const Status status = ReadFrom(neighbour, attempt);
      if (!attempt.own.ok() || offset == blob.size) return attempt.own;
      attempt.busy |= status.code() == StatusCode::kResourceExhausted;
      why = status.Wrap("worker " + neighbour.worker);
      if (offset == before) silent.insert(neighbour.worker);
    }
    // Fewer are named than there may be.
    if (others && offset == begun && except.size() < kMostExcept) continue;
    if (silent.empty() && offset == begun && !attempt.except.empty())
      return NothingCame(why, attempt);
    const int64_t now_ms = clock_.MonotonicMs();
    const int64_t patience_ms = attempt.busy ? kBoundBusyMs : kBoundMs;
    if (offset > begun) {
      still_since_ms = now_ms;
      pause_ms = ask_again_ms_;
    } else if (now_ms - still_since_ms >= patience_ms) {
      return NothingCame(why, attempt);
    }
    // After a whole part the next one is asked for without a pause.
    if (offset - begun < kPartBytes) (void)stop.WaitFor(pause_ms);
    if (offset == begun) pause_ms = std::min(pause_ms * 2, kAskLatestMs);
    begun = offset;
    why = nobody;
    attempt.busy = false;
    silent.clear();
  }
  return OkStatus();
}

Status Neighbours::NothingCame(const Status& why, const Attempt& attempt) {
  const DownloadBlob& blob = attempt.blob;
  std::string text = "file " + blob.sha256 + " of artifact " + blob.artifact.substr(0, 12) +
                     " is bound to this site, and no worker gives it: " + why.message();
  if (!attempt.except.empty())
    text += "; wrong bytes came from " +
            Join({attempt.except.begin(), attempt.except.end()}, " and ") +
            ": look at the disk there, and start that worker again";
  return Status(StatusCode::kFailedPrecondition, ErrorReason::kBoundToSite, std::move(text));
}

Status Neighbours::ReadFromAll(const std::vector<Neighbour>& neighbours, Attempt& attempt) {
  for (const Neighbour& neighbour : neighbours) {
    if (attempt.except.contains(neighbour.worker)) continue;
    if (IsAside(neighbour)) {
      attempt.except.insert(neighbour.worker);
      attempt.again = true;
      continue;
    }
    const uint64_t before = attempt.offset;
    const Status status = ReadFrom(neighbour, attempt);
    if (!attempt.own.ok()) return attempt.own;
    if (attempt.offset == attempt.blob.size) return OkStatus();
    OnFailure(neighbour, status, attempt.offset - before, attempt);
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
        Given& given = given_[blob.sha256][neighbour.worker];
        given.certificate = neighbour.certificate;
        given.bytes += piece.size();
      }
      attempt.own = attempt.take(piece);
      return attempt.own;
    };
    BRAID_RETURN_IF_ERROR(link_.Read(neighbour, blob.sha256, before, length, take));
    if (got < length) return Unavailable("it sends less than it was asked for");
    attempt.failures.erase(neighbour.worker);
    MutexLock lock(mutex_);
    aside_.erase(neighbour.worker);
  }
  return OkStatus();
}

void Neighbours::OnFailure(const Neighbour& neighbour, const Status& status, uint64_t got,
                           Attempt& attempt) {
  if (status.code() == StatusCode::kResourceExhausted) {
    attempt.busy = true;
    return;
  }
  attempt.again = true;
  // Its ticket has ended while the file was read: there is another one.
  if (got >= kPartBytes && status.code() == StatusCode::kPermissionDenied) return;
  const int failures = ++attempt.failures[neighbour.worker];
  const bool cut = got > 0 && status.code() != StatusCode::kDeadlineExceeded;
  if (cut && failures < kMostFailures) return;
  attempt.except.insert(neighbour.worker);
  // Who lacks this file may have others.
  if (status.code() != StatusCode::kNotFound) SetAside(neighbour, status);
}

bool Neighbours::Reaches(const Neighbour& fetcher, Attempt& attempt) {
  if (attempt.reached.contains(fetcher.worker)) return true;
  if (attempt.except.contains(fetcher.worker)) return false;
  if (!IsAside(fetcher)) {
    const Status status = link_.Read(fetcher, attempt.blob.sha256, 0, 0,
                                     [](std::string_view) { return OkStatus(); });
    if (status.ok() || status.code() == StatusCode::kNotFound ||
        status.code() == StatusCode::kResourceExhausted) {
      attempt.reached.insert(fetcher.worker);
      return true;
    }
    SetAside(fetcher, status);
  }
  attempt.except.insert(fetcher.worker);
  attempt.again = true;
  return false;
}

bool Neighbours::Distrust(const DownloadBlob& blob) {
  MutexLock lock(mutex_);
  const auto found = given_.extract(blob.sha256);
  if (found.empty()) return false;
  // Of several it is not known whose bytes are wrong. What is bound has to come from one of them,
  // so that they are all asked once more first.
  const bool again = blob.bound && found.mapped().size() > 1 && mixed_.insert(blob.sha256).second;
  const std::string hour = FormatDuration(static_cast<double>(kDistrustMs) / 1000);
  for (const auto& [worker, given] : found.mapped()) {
    const Aside aside{clock_.MonotonicMs() + kDistrustMs, 1, given.certificate};
    std::string what = "it is fetched anew";
    if (!blob.bound) {
      aside_[worker] = aside;
      what += ", and nothing from that worker for the next " + hour;
    } else if (!again) {
      lies_[{blob.sha256, worker}] = aside;
      what += ", for the next " + hour + " not from that worker";
    }
    Log(LogLevel::kWarning, kNeighbours,
        "of file " + blob.sha256 + ", " + FormatBytes(given.bytes) + " came from worker " + worker +
            ", and together the bytes do not have its digest: " + what + "; look at its disk");
  }
  return true;
}

void Neighbours::Arrived(const DownloadBlob& blob) {
  if (blob.size < kLeastBytes && !blob.bound) return;
  uint64_t bytes = 0;
  {
    MutexLock lock(mutex_);
    mixed_.erase(blob.sha256);
    if (const auto found = given_.extract(blob.sha256); !found.empty()) {
      for (const auto& [worker, given] : found.mapped()) bytes += given.bytes;
    }
  }
  (void)link_.ReportFetched(blob, bytes);
}

bool Neighbours::IsAside(const Neighbour& neighbour) const {
  MutexLock lock(mutex_);
  const auto aside = aside_.find(neighbour.worker);
  return aside != aside_.end() && aside->second.certificate == neighbour.certificate &&
         clock_.MonotonicMs() < aside->second.until_ms;
}

bool Neighbours::Lied(const Neighbour& neighbour, const std::string& sha256) const {
  MutexLock lock(mutex_);
  const auto lie = lies_.find({sha256, neighbour.worker});
  return lie != lies_.end() && lie->second.certificate == neighbour.certificate &&
         clock_.MonotonicMs() < lie->second.until_ms;
}

void Neighbours::SetAside(const Neighbour& neighbour, const Status& status) {
  int64_t ms = kAsideMs;
  {
    MutexLock lock(mutex_);
    Aside& aside = aside_[neighbour.worker];
    if (aside.certificate != neighbour.certificate) aside = {0, 0, neighbour.certificate};
    ms = std::min(kAsideMs << std::min(aside.times, 8), kDistrustMs);
    ++aside.times;
    aside.until_ms = std::max(aside.until_ms, clock_.MonotonicMs() + ms);
  }
  Log(LogLevel::kInfo, kNeighbours,
      "files are not fetched from worker " + neighbour.worker + " at " + neighbour.address +
          " for the next " + FormatDuration(static_cast<double>(ms) / 1000) +
          ", but from others or from the coordinator: " + status.message());
}

}  // namespace braid::worker
