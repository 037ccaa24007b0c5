#include "coordinator/api/blob_copier.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"

namespace braid::coordinator {
namespace {

// So many blobs at the same time: buckets are fast with several connections, and slow with one.
constexpr int kThreads = 4;
constexpr int64_t kIdleMs = 500;        // how long a wait for a blob is
constexpr int64_t kTendMs = 500;        // how often the cache is looked at if it has grown
constexpr int64_t kCheckMs = 30'000;    // how old the answer may be whether the bucket is reached
constexpr int64_t kFirstPauseMs = 500;  // after an error; doubled each time
constexpr int64_t kLongestPauseMs = 10'000;

}  // namespace

void BlobCopier::Start() {
  threads_.emplace_back([this] { Tend(); });
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Copy(); });
}

void BlobCopier::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

BucketState BlobCopier::Look() const {
  BucketState state{remote_->Name(), blobs_->NotCopied(), ""};
  MutexLock lock(mutex_);
  state.error = damage_.empty() ? error_ : damage_;
  return state;
}

void BlobCopier::Note(const Status& status) {
  MutexLock lock(mutex_);
  if (stopping_ || status.message() == error_) return;
  // Of one blob alone, which is not tried again.
  if (status.code() == StatusCode::kDataLoss) {
    Log(LogLevel::kError, "coordinator", status.message());
    damage_ = status.message();
    return;
  }
  // Of many blobs that fail for one reason, one line is enough.
  const bool known = !status.ok() && status.code() == code_;
  code_ = status.code();
  if (known) {
    error_ = status.message();
    return;
  }
  if (status.ok())
    Log(LogLevel::kInfo, "coordinator", remote_->Name() + " takes blobs again");
  else
    Log(LogLevel::kError, "coordinator",
        status.message() + "; blobs stay on this disk, and it is tried again");
  error_ = status.message();
}

void BlobCopier::Pause(int64_t ms) {
  const int64_t end_ms = SystemClock().MonotonicMs() + ms;
  MutexLock lock(mutex_);
  for (int64_t left_ms = ms; !stopping_ && left_ms > 0;
       left_ms = end_ms - SystemClock().MonotonicMs())
    (void)changed_.WaitFor(mutex_, left_ms);
}

void BlobCopier::Tend() {
  int64_t checked_ms = -kCheckMs;
  while (!Stopping()) {
    const int64_t now_ms = SystemClock().MonotonicMs();
    const bool check = now_ms >= checked_ms + kCheckMs;
    if (grown_.exchange(false) || check) {
      if (const Status shrunk = blobs_->Shrink(cache_bytes_); !shrunk.ok())
        Log(LogLevel::kError, "coordinator", shrunk.message());
    }
    if (check) {
      checked_ms = now_ms;
      Note(remote_->Check());
    }
    Pause(kTendMs);
  }
}

void BlobCopier::Copy() {
  int64_t pause_ms = kFirstPauseMs;
  while (!Stopping()) {
    const Result<bool> copied = blobs_->CopyNext(kIdleMs);
    if (!copied.ok()) {
      Note(copied.status());
      Pause(pause_ms);
      pause_ms = std::min(2 * pause_ms, kLongestPauseMs);
      continue;
    }
    pause_ms = kFirstPauseMs;
    if (!*copied) continue;
    Note(OkStatus());
    grown_ = true;
  }
}

bool BlobCopier::Stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

}  // namespace braid::coordinator
