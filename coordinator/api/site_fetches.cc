#include "coordinator/api/site_fetches.h"

namespace braid::coordinator {

SiteFetches::Known& SiteFetches::Claim(const File& file, const std::string& worker) {
  const int64_t now_ms = clock_->MonotonicMs();
  if (known_.size() >= kMostFiles && !known_.contains(file))
    std::erase_if(known_, [](const auto& one) { return one.second.sending == 0; });
  Known& known = known_[file];
  if (!Fetches(known, now_ms) && known.fetcher != worker) {
    known.fetcher = worker;
    known.sending = 0;
  }
  if (known.fetcher == worker) known.until_ms = now_ms + kPauseMs;
  return known;
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
  Claim(file, worker);
}

std::unique_ptr<SiteFetches::Sending> SiteFetches::Begin(const File& file,
                                                         const std::string& worker) {
  MutexLock lock(mutex_);
  Known& known = Claim(file, worker);
  const bool counted = known.fetcher == worker;
  if (counted) ++known.sending;
  return std::unique_ptr<Sending>(new Sending(this, file, worker, counted));
}

SiteFetches::Sending::~Sending() {
  MutexLock lock(all_->mutex_);
  const auto known = all_->known_.find(file_);
  // The worker may have said meanwhile that it has the file.
  if (!counted_ || known == all_->known_.end() || known->second.fetcher != worker_) return;
  if (known->second.sending > 0) --known->second.sending;
  known->second.until_ms = all_->clock_->MonotonicMs() + kPauseMs;
}

void SiteFetches::Arrived(const File& file, const std::string& worker) {
  MutexLock lock(mutex_);
  Known& known = Claim(file, worker);
  if (known.fetcher == worker) {
    known.fetcher.clear();
    known.sending = 0;
  }
  known.holders.insert(worker);
}

std::set<std::string> SiteFetches::HoldersOf(const File& file) const {
  MutexLock lock(mutex_);
  const auto known = known_.find(file);
  return known == known_.end() ? std::set<std::string>() : known->second.holders;
}

}  // namespace braid::coordinator
