#include "trainer/loop/stop_vote.h"

#include <algorithm>
#include <iterator>

namespace braid::trainer {
namespace {

// A bound for pieces that take next to no time at first.
constexpr int64_t kMaxPieces = 1'000;

}  // namespace

void StopVote::Begin() {
  begun_ms_ = clock_.MonotonicMs();
  pieces_ = 0;
}

Result<bool> StopVote::ShouldLeave(int64_t done, int64_t total) {
  ++pieces_;
  if (done == total || ++since_vote_ < pieces_per_vote_) return false;
  since_vote_ = 0;
  // All ranks must decide alike, and their clocks differ a little, so only rank 0's measurement
  // enters the sums.
  const bool measures = collective_.rank() == 0;
  const auto elapsed = static_cast<double>(clock_.MonotonicMs() - begun_ms_);
  // Whether a stop was requested anywhere; milliseconds of a piece, and of all that is left.
  double sums[] = {
      channel_.stop_requested() ? 1.0 : 0.0,
      measures ? elapsed / static_cast<double>(pieces_) : 0.0,
      measures ? elapsed * static_cast<double>(total - done) / static_cast<double>(done) : 0.0};
  BRAID_RETURN_IF_ERROR(collective_.AllReduce(sums, std::size(sums)));
  pieces_per_vote_ = std::clamp<int64_t>(static_cast<int64_t>(ask_ms_ / std::max(1.0, sums[1])), 1,
                                         kMaxPieces);
  return sums[0] > 0 && sums[2] > static_cast<double>(kPatienceMs);
}

}  // namespace braid::trainer
