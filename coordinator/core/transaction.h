// What a decision works with: the state as it will be, the time, and the place for its updates. A decision checks first and
// adds updates only when nothing can fail any more; what was added is seen by the next decision of the batch at once,
// and by the world when the batch is committed.
#pragma once

#include "coordinator/core/options.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

class Transaction {
 public:
  Transaction(State* state, const Options* options)
      : state_(state), options_(options), wall_ms_(options->clock->WallMs()), now_ms_(options->clock->MonotonicMs()) {}

  State& state() { return *state_; }
  const Options& options() const { return *options_; }
  int64_t wall_ms() const { return wall_ms_; }
  int64_t now_ms() const { return now_ms_; }

  void Add(catalog::Update update) {
    state_->Apply(update);
    updates_.push_back(std::move(update));
  }
  const catalog::Updates& updates() const { return updates_; }

 private:
  State* state_;
  const Options* options_;
  const int64_t wall_ms_;
  const int64_t now_ms_;
  catalog::Updates updates_;
};

}  // namespace braid::coordinator
