#include "coordinator/api/site_fetches.h"

namespace braid::coordinator {

SiteFetches::Known& SiteFetches::Entry(const File& file) {
  if (known_.size() >= kMostFiles && !known_.contains(file)) {
    const int64_t now_ms = clock_->MonotonicMs();
    std::erase_if(known_, [&](const auto& one) { return !Fetches(one.second, now_ms); });
  }
  return known_[file];
}

std::string SiteFetches::FetcherOf(const File& file) const {
  MutexLock lock(mutex_);
  const auto known = known_.find(file);
  return known != known_.end() && Fetches(known->second, clock_->MonotonicMs())
             ? known->second.fetcher
             : "";
}

void SiteFetches::Expect(const File& file, const std::string& worker) {
  MutexLock lock(mutex_);
  Known& known = Entry(file);
  known.fetcher = worker;
  known.until_ms = clock_->MonotonicMs() + kPauseMs;
}

std::unique_ptr<SiteFetches::Sending> SiteFetches::Begin(const File& file,
                                                         const std::string& worker) {
  MutexLock lock(mutex_);
  const int64_t now_ms = clock_->MonotonicMs();
  Known& known = Entry(file);
  if (!Fetches(known, now_ms)) known.fetcher = worker;
  if (known.fetcher == worker) known.until_ms = now_ms + kPauseMs;
  return std::unique_ptr<Sending>(new Sending(this, file, worker));
}

void SiteFetches::Sending::Moved(int64_t directly) {
  MutexLock lock(all_->mutex_);
  const auto known = all_->known_.find(file_);
  // Another one may fetch it by now, or this one has said that it has it.
  if (known == all_->known_.end() || known->second.fetcher != worker_) return;
  known->second.until_ms = all_->clock_->MonotonicMs() + kPauseMs +
                           directly / kDirectBytesPerS * 1000;
}

void SiteFetches::Arrived(const File& file, const std::string& worker) {
  MutexLock lock(mutex_);
  Known& known = Entry(file);
  if (known.fetcher == worker) known.fetcher.clear();
  known.holders[worker] = clock_->MonotonicMs();
}

std::set<std::string> SiteFetches::HoldersOf(const File& file) const {
  MutexLock lock(mutex_);
  std::set<std::string> holders;
  const auto known = known_.find(file);
  if (known == known_.end()) return holders;
  for (const auto& [worker, said_ms] : known->second.holders)
    if (clock_->MonotonicMs() - said_ms < kHeldMs) holders.insert(worker);
  return holders;
}

}  // namespace braid::coordinator
