// Whether a stretch of work (the micro-batches of a step, the batches of a validation) is left
// before its end because a stop was asked for. A worker waits for so long and no longer; what would
// take longer is left, and begun again by whoever resumes.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/status.h"
#include "task/channel.h"
#include "trainer/collective/collective.h"

namespace braid::trainer {

class StopVote {
 public:
  // All references outlive this. Every rank has one, and they are called alike.
  StopVote(const task::Channel& channel, Collective& collective, const Clock& clock)
      : channel_(channel), collective_(collective), clock_(clock) {}

  // A stretch begins.
  void Begin();
  // After each piece of the stretch, of which the part done / total is done. True on every rank iff
  // some rank was asked to stop and the rest would take longer than kPatienceMs, as rank 0 measures
  // it. Ranks ask one another about once a second. Errors are those of the collective.
  Result<bool> ShouldLeave(int64_t done, int64_t total);

  static constexpr int64_t kPatienceMs = 5'000;

 private:
  const task::Channel& channel_;
  Collective& collective_;
  const Clock& clock_;
  int64_t begun_ms_ = 0;
  int64_t pieces_ = 0;   // of the stretch
  int64_t unasked_ = 0;  // pieces since the ranks asked one another
  int64_t every_ = 1;    // pieces from one time to the next: the same on all ranks
};

}  // namespace braid::trainer
