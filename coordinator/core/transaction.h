// What a decision works with: the state as the batch makes it, the time, and the place for its
// updates. An update is visible to later decisions of the same batch at once, and outside of the
// core when the batch is committed. A decision that fails, throws, or adds an update that the rows
// do not allow is taken back whole, without effect on the others.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/options.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// Thrown by Transaction::Add for an update that the rows do not allow. Only a fault in the
// decision's code leads to it; the core's loop catches it and answers the command with kInternal.
class UpdateRefused final : public std::exception {
 public:
  explicit UpdateRefused(Status why) : why_(std::move(why)) {}
  const char* what() const noexcept override { return why_.message().c_str(); }

 private:
  const Status why_;
};

// Used in the core's thread alone, by one decision or one pass. Whatever it changes can be taken
// back until the commit.
class Transaction {
 public:
  // Neither pointer is owned; both outlive the transaction. The times are read once, so that all
  // updates of a decision have the same.
  Transaction(State* state, const Options* options)
      : state_(state),
        options_(options),
        wall_ms_(options->clock->WallMs()),
        now_ms_(options->clock->MonotonicMs()) {}

  const State& state() const { return *state_; }
  const Options& options() const { return *options_; }
  // Milliseconds of the wall clock, for records, and of the monotonic clock, for durations.
  int64_t wall_ms() const { return wall_ms_; }
  int64_t now_ms() const { return now_ms_; }

  // Applies the update to the state and keeps it for the commit. Throws UpdateRefused, and changes
  // nothing, if catalog::Check refuses it; the same with catalog::Unreadable.
  void Add(catalog::Update update);
  // The part of a worker, or of an attempt, that is not durable, for a change; made if it is not
  // there. Restored if the transaction is taken back. The reference is valid until then, or until
  // the entry is erased.
  LiveWorker& worker(const std::string& id);
  LiveAttempt& attempt(const AttemptKey& key);
  // The same for changes on which neither grants nor what workers are told depend, such as those of
  // a heartbeat: they cost no pass.
  LiveWorker& QuietWorker(const std::string& id);
  LiveAttempt& QuietAttempt(const AttemptKey& key);
  // Why jobs wait, and what the last pass found. Computed anew by each pass, and therefore not
  // restored, as is what has changed since.
  Pending& pending() { return state_->pending; }
  // A hint, which need not be restored.
  void NoteSite(const std::string& site, const std::string& worker) {
    state_->sites.Note(site, worker);
  }
  LastPass& last_pass() { return state_->last_pass; }
  Changes& changes() { return state_->changes; }
  // Runs `effect` after the commit, in the core's thread; drops it if the transaction is taken
  // back, as a decision or a pass that is repeated has its effects anew. For effects outside of the
  // state, such as ending another session.
  void Later(std::function<void()> effect) { effects_.push_back(std::move(effect)); }

  // A number that no session of a worker has had in this process. An id of a worker may be used
  // again while the end of an earlier session under it is still to come.
  int64_t NextSession() { return ++state_->last_session; }

  const catalog::Updates& updates() const { return updates_; }
  // Moves the updates to the end of `all`, for the commit. What is left of them is good for being
  // counted and taken back only.
  void MoveUpdatesTo(catalog::Updates* all);

  // A position within the transaction, so that a part of it can be taken back.
  struct Mark {
    size_t updates = 0, undo = 0, effects = 0;
  };
  Mark Here() const { return {updates_.size(), undo_.size(), effects_.size()}; }

  // Takes back everything since `mark`, newest first. Of several transactions on one state the
  // newest must be taken back first.
  void TakeBack(const Mark& mark);
  void TakeBack() { TakeBack({}); }
  // Runs the effects of Later, each even if another one throws; returns what was thrown, or an
  // empty text. Called by the core's loop after the commit.
  std::string DoEffects();

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
