#include "coordinator/access/rates.h"

#include <algorithm>
#include <cmath>

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
  bucket->last_ms = now_ms;
}

size_t Rates::remembered() {
  MutexLock lock(mutex_);
  return buckets_.size();
}

int64_t Rates::Take(const std::string& who, double per_second, int64_t now_ms) {
  if (per_second <= 0) return 0;
  MutexLock lock(mutex_);
  if (buckets_.size() >= kMost && !buckets_.contains(who)) {
    std::erase_if(buckets_, [&](const auto& entry) {
      Bucket bucket = entry.second;
      Fill(&bucket, now_ms);
      return bucket.tokens >= bucket.per_second * kBurstS;
    });
  }
  const auto [found, is_new] = buckets_.try_emplace(who);
  Bucket& bucket = found->second;
  bucket.per_second = per_second;
  if (is_new) {
    bucket.tokens = per_second * kBurstS;
    bucket.last_ms = now_ms;
  }
  Fill(&bucket, now_ms);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  return std::max<int64_t>(1, std::llround(std::ceil((1 - bucket.tokens) / per_second * 1000)));
}

}  // namespace braid::coordinator
