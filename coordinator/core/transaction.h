// What a decision works with: the state as it will be, the time, and the place for its updates.
// What was added is seen by the next decision of the batch at once, and by the world when the batch
// is committed. A decision that fails, throws, or adds an update that cannot be is taken back
// whole; nobody else notices.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/options.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// Thrown by Transaction::Add for an update that the rows do not allow: a fault of the decision. The
// loop catches it.
class UpdateRefused final : public std::exception {
 public:
  explicit UpdateRefused(Status why) : why_(std::move(why)) {}
  const char* what() const noexcept override { return why_.message().c_str(); }

 private:
  const Status why_;
};

class Transaction {
 public:
  Transaction(State* state, const Options* options)
      : state_(state),
        options_(options),
        wall_ms_(options->clock->WallMs()),
        now_ms_(options->clock->MonotonicMs()) {}

  const State& state() const { return *state_; }
  const Options& options() const { return *options_; }
  int64_t wall_ms() const { return wall_ms_; }
  int64_t now_ms() const { return now_ms_; }

  // Throws UpdateRefused and changes nothing if catalog::Check refuses it.
  void Add(catalog::Update update);
  // What is known of it while the process lives, to be changed: made if it is not there.
  LiveWorker& worker(const std::string& id);
  LiveAttempt& attempt(const AttemptKey& key);
  // Of what jobs wait for. Made anew in each pass, and not taken back.
  std::map<JobKey, PendingView>& pending() { return state_->pending; }
  // Done when all is durable, and not at all if it is taken back.
  void Later(std::function<void()> effect) { effects_.push_back(std::move(effect)); }

  const catalog::Updates& updates() const { return updates_; }
  // A place to go back to.
  struct Mark {
    size_t updates = 0, undo = 0, effects = 0;
  };
  Mark Here() const { return {updates_.size(), undo_.size(), effects_.size()}; }
  // The newest transaction first, if there are several.
  void TakeBack(const Mark& mark);
  void TakeBack() { TakeBack({}); }
  void DoEffects();

 private:
  State* state_;
  const Options* options_;
  int64_t wall_ms_;
  int64_t now_ms_;
  catalog::Updates updates_;
  std::vector<std::function<void()>> undo_;
  std::vector<std::function<void()>> effects_;
};

}  // namespace braid::coordinator
