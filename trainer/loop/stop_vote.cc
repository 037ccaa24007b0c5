#include "trainer/loop/stop_vote.h"

#include <algorithm>
#include <iterator>

namespace braid::trainer {
namespace {

constexpr double kAskMs = 1'000;
constexpr int64_t kMaxPieces = 1'000;  // that are done without asking, however fast they are

}  // namespace

void StopVote::Begin() {
  begun_ms_ = clock_.MonotonicMs();
  pieces_ = 0;
}

Result<bool> StopVote::ShouldLeave(int64_t done, int64_t total) {
  ++pieces_;
  if (done == total || ++unasked_ < every_) return false;
  unasked_ = 0;
  // Rank 0 says how long a piece and the rest take, so that all ranks know the same.
  const bool says = collective_.rank() == 0;
  const auto elapsed = static_cast<double>(clock_.MonotonicMs() - begun_ms_);
  double sums[] = {
      channel_.stop_requested() ? 1.0 : 0.0, says ? elapsed / static_cast<double>(pieces_) : 0.0,
      says ? elapsed * static_cast<double>(total - done) / static_cast<double>(done) : 0.0};
  BRAID_RETURN_IF_ERROR(collective_.AllReduce(sums, std::size(sums)));
  every_ = std::clamp<int64_t>(static_cast<int64_t>(kAskMs / std::max(1.0, sums[1])), 1,
                               kMaxPieces);
  return sums[0] > 0 && sums[2] > static_cast<double>(kPatienceMs);
}

}  // namespace braid::trainer
