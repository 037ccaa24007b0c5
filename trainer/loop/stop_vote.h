// A vote of all ranks on whether to abandon a stretch of work (the micro-batches of a step or of a
// round between outer steps, the batches of a validation) because a stop was requested. A worker
// kills the program some time after it asked for a stop (25 s by default), so work that would take
// longer is abandoned, on all ranks at once, and done again by whoever resumes.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/status.h"
#include "task/channel.h"
#include "trainer/collective/collective.h"

namespace braid::trainer {

// Every rank has one and calls it equally often, as the vote is a collective operation. Not
// thread-safe.
class StopVote {
 public:
  // About the milliseconds from one vote to the next: rare enough to cost nothing, frequent enough
  // for kPatienceMs.
  static constexpr double kAskMs = 1'000;
  // The same of ranks that train by themselves: a vote waits for a slow line.
  static constexpr double kAskAloneMs = 10'000;

  // All references outlive this.
  StopVote(const task::Channel& channel, Collective& collective, const Clock& clock,
           double ask_ms = kAskMs)
      : channel_(channel), collective_(collective), clock_(clock), ask_ms_(ask_ms) {}

  // To be called at the beginning of each stretch.
  void Begin();

  // To be called after each piece of the stretch, when `done` of its `total` pieces are done.
  // Returns true, on all ranks alike, if some rank was asked to stop and the rest would take longer
  // than kPatienceMs by rank 0's measurement. The ranks communicate every `ask_ms`, not with each
  // piece. Errors are those of the collective operation.
  Result<bool> ShouldLeave(int64_t done, int64_t total);

  // Milliseconds that the rest of a stretch may take after a stop was requested.
  static constexpr int64_t kPatienceMs = 5'000;

 private:
  const task::Channel& channel_;
  Collective& collective_;
  const Clock& clock_;
  const double ask_ms_;
  int64_t begun_ms_ = 0;
  // Pieces done in this stretch.
  int64_t pieces_ = 0;
  // Pieces done since the last vote, which may be in an earlier stretch.
  int64_t since_vote_ = 0;
  // Pieces between two votes, the same on all ranks.
  int64_t pieces_per_vote_ = 1;
};

}  // namespace braid::trainer
