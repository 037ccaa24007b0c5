#include "coordinator/core/gangs.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/peers.h"
#include "task/failure.h"

namespace braid::coordinator {
namespace {

// A step that takes so many times the longest one before it is not waited for.
constexpr int64_t kStepsOfPatience = 3;

bool IsConnected(const std::string& worker, const State& state) {
  const auto live = state.workers.find(worker);
  return live != state.workers.end() && live->second.link == scheduler::Link::kReady;
}

std::vector<size_t> SilentOnes(const AttemptRecord& attempt, const State& state) {
  std::vector<size_t> silent;
  for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
    if (!state.RankIsGone(attempt, static_cast<int64_t>(rank)) &&
        !IsConnected(attempt.workers[rank], state))
      silent.push_back(rank);
  }
  return silent;
}

// The first pair of the attempt's workers of which one tried to reach the other in vain, as a
// text; empty if there is none. Only workers that have told of their newest tries are asked.
std::string LostLine(const AttemptRecord& attempt, const State& state) {
  for (const std::string& from : attempt.workers) {
    for (const auto& [to, why] : TriedBy(from, state)) {
      const bool of_gang = std::find(attempt.workers.begin(), attempt.workers.end(), to) !=
                           attempt.workers.end();
      if (of_gang && !why.empty()) return "worker " + from + " cannot reach " + to + " at " + why;
    }
  }
  return "";
}

}  // namespace

void NoteProgress(int64_t rank, const task::Progress& progress, int64_t now_ms, LiveAttempt* live) {
  std::pair<std::string, int64_t>& known = live->moved[rank];
  if (known.first == progress.phase && known.second == progress.done) return;
  // From one step to the next; the time before the first step is no measure of a step.
  if (known.first == progress.phase && known.second > 0)
    live->longest_step_ms = std::max(live->longest_step_ms, now_ms - live->moved_ms);
  known = {progress.phase, progress.done};
  live->moved_ms = now_ms;
}

void WatchGang(const AttemptKey& key, Transaction& tx) {
  const State& state = tx.state();
  const AttemptRecord* attempt = state.FindAttempt(key);
  if (attempt == nullptr || attempt->workers.size() < 2 || Ended(attempt->state) ||
      attempt->state == AttemptState::kStopping)
    return;
  const auto found = state.attempts.find(key);
  const bool known = found != state.attempts.end();
  // A coordinator that has just started does not know about earlier steps.
  const int64_t moved_ms = std::max(known ? found->second.moved_ms : 0, state.started_ms);
  const int64_t longest_ms = known ? found->second.longest_step_ms : 0;
  const int64_t still_ms = tx.now_ms() - moved_ms;
  if (still_ms <= std::max(tx.options().gang_patience_ms, kStepsOfPatience * longest_ms)) return;
  const size_t silent = SilentOnes(*attempt, state).size();
  const bool some_are_there = std::any_of(
      attempt->workers.begin(), attempt->workers.end(),
      [&](const std::string& worker) { return IsConnected(worker, state); });
  std::string why;
  if (silent > 0 && some_are_there) why = "nothing is heard of " + SilentRanks(*attempt, state);
  if (why.empty()) why = LostLine(*attempt, state);
  if (why.empty()) return;
  why += ", and no rank has made a step for " + std::to_string(still_ms / 1000) + " s";
  StopAttempt(key, catalog::StopReason::kAbort,
              {NameOf(task::FailureCategory::kInfra), why, "", false}, tx);
  FinishIfGone(key, tx);
}

bool OnlySilentRanksLeft(const AttemptRecord& attempt, const State& state) {
  if (attempt.stop_reason != catalog::StopReason::kAbort || attempt.workers.size() < 2)
    return false;
  for (size_t rank = 0; rank < attempt.workers.size(); ++rank) {
    if (state.RankIsGone(attempt, static_cast<int64_t>(rank))) continue;
    // Of a worker that a coordinator has not heard since its start, it is not known either.
    if (IsConnected(attempt.workers[rank], state) ||
        state.MayBeDelivered(attempt, static_cast<int64_t>(rank)))
      return false;
  }
  return true;
}

std::string SilentRanks(const AttemptRecord& attempt, const State& state) {
  std::vector<std::string> texts;
  for (const size_t rank : SilentOnes(attempt, state))
    texts.push_back("worker " + attempt.workers[rank] + " (rank " + std::to_string(rank) + ")");
  return Join(texts, ", ");
}

}  // namespace braid::coordinator
