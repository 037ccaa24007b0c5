#include "coordinator/access/rates.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace braid::coordinator {

bool OpenCounts::Enter(const std::string& who, int64_t most) {
  MutexLock lock(mutex_);
  int64_t& count = counts_[who];
  if (most > 0 && count >= most) return false;
  ++count;
  return true;
}

void OpenCounts::Leave(const std::string& who) {
  MutexLock lock(mutex_);
  const auto found = counts_.find(who);
  if (--found->second == 0) counts_.erase(found);
}

void Rates::Fill(Bucket* bucket, int64_t now_ms) {
  const double passed_s = static_cast<double>(std::max<int64_t>(0, now_ms - bucket->last_ms)) /
                          1000;
  bucket->tokens = std::min(bucket->per_second * kBurstS,
                            bucket->tokens + passed_s * bucket->per_second);
  bucket->last_ms = std::max(bucket->last_ms, now_ms);
}

size_t Rates::remembered() {
  MutexLock lock(mutex_);
  return buckets_.size();
}

Rates::Bucket& Rates::BucketOf(const std::string& who, double per_second, int64_t now_ms) {
  if (const auto found = by_name_.find(who); found != by_name_.end()) {
    buckets_.splice(buckets_.end(), buckets_, found->second);
    return buckets_.back();
  }
  // Whatever its rate, a bucket is full after so much time.
  constexpr int64_t kFullMs = static_cast<int64_t>(kBurstS * 1000);
  while (!buckets_.empty() && now_ms - buckets_.front().last_ms >= kFullMs) {
    by_name_.erase(buckets_.front().who);
    buckets_.pop_front();
  }
  buckets_.push_back({who, per_second * kBurstS, now_ms, per_second});
  by_name_[buckets_.back().who] = std::prev(buckets_.end());
  return buckets_.back();
}

int64_t Rates::Take(const std::string& who, double per_second, int64_t now_ms) {
  if (per_second <= 0) return 0;
  MutexLock lock(mutex_);
  Bucket& bucket = BucketOf(who, per_second, now_ms);
  bucket.per_second = per_second;
  Fill(&bucket, now_ms);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  return std::max<int64_t>(1, std::llround(std::ceil((1 - bucket.tokens) / per_second * 1000)));
}

}  // namespace braid::coordinator
