#include "coordinator/core/watchdog.h"

#include <algorithm>
#include <string>

#include "base/excerpt.h"
#include "base/text.h"
#include "coordinator/core/attempts.h"
#include "task/failure.h"

namespace braid::coordinator {
namespace {

// A step that takes so many times the longest one before it is not waited for.
constexpr int64_t kLongestSteps = 3;
// Of a program's last lines, so many bytes are part of the error, which events and lists show.
constexpr size_t kShownBytes = 300;

std::string Where(const task::Progress& progress) {
  if (progress.phase.empty()) return "since it was started";
  return progress.phase + ", " + std::to_string(progress.done) + " of " +
         std::to_string(progress.total) + " " + progress.unit;
}

}  // namespace

int64_t StallTimeoutMs(const JobRecord& job) {
  return std::clamp<int64_t>(job.stall_timeout_s, 0, INT64_MAX / 1000) * 1000;
}

void NoteStillness(const task::Progress& progress, int64_t now_ms, int64_t beat_ms,
                   LiveAttempt* live) {
  Stillness& still = live->stillness;
  const int64_t passed_ms = std::clamp<int64_t>(now_ms - still.beat_ms, 0, beat_ms);
  const bool first = still.beat_ms == 0;
  still.beat_ms = now_ms;
  const bool moved = still.phase != progress.phase || still.done != progress.done;
  if (first || !moved) {
    still.still_ms += first ? 0 : passed_ms;
  } else {
    // From one step to the next; the time before the first step is no measure of a step.
    if (still.phase == progress.phase && still.done > 0)
      still.longest_step_ms = std::max(still.longest_step_ms, still.still_ms + passed_ms);
    still.still_ms = 0;
  }
  still.phase = progress.phase;
  still.done = progress.done;
}

void WatchSteps(const AttemptKey& key, Transaction& tx) {
  const State& state = tx.state();
  const auto found = state.attempts.find(key);
  if (found == state.attempts.end() || found->second.stillness.still_ms == 0) return;
  const AttemptRecord* attempt = state.FindAttempt(key);
  if (attempt == nullptr || attempt->state != AttemptState::kRunning) return;
  const int64_t timeout_ms = StallTimeoutMs(*state.FindJob(key.Job()));
  const Stillness& still = found->second.stillness;
  const int64_t patience_ms = std::max(timeout_ms, kLongestSteps * still.longest_step_ms);
  if (timeout_ms == 0 || still.still_ms < patience_ms) return;
  const task::Progress& progress = state.attempts.at(key).progress;
  // All steps are made: what is left is the worker's, which sends the outputs for as long as it
  // takes.
  if (progress.total > 0 && progress.done >= progress.total) return;
  std::string error = kNoStepFor + FormatDuration(static_cast<double>(still.still_ms) / 1000) +
                      " (" + Where(progress) + "): the program was stopped";
  LiveAttempt& live = tx.attempt(key);
  live.stalled = true;
  StopAttempt(key, catalog::StopReason::kAbort,
              {NameOf(task::FailureCategory::kInfra), std::move(error),
               "if a step, or a validation, may take that long, raise train.stall_timeout", false},
              tx);
  FinishIfGone(key, tx);
}

catalog::Failure WithLastLines(const catalog::Failure& failure, const std::string& log_tail) {
  catalog::Failure told = failure;
  told.log_tail = log_tail;
  std::string end = log_tail;
  while (!end.empty() && end.back() == '\n') end.pop_back();
  if (end.empty()) return told;
  if (end.size() > kShownBytes) {
    end.erase(0, end.size() - kShownBytes);
    const size_t newline = end.find('\n');
    if (newline + 1 < end.size()) end.erase(0, newline + 1);  // npos + 1 is 0: one long line
  }
  told.error += "; its last lines: " + Excerpt(end, kShownBytes);
  return told;
}

}  // namespace braid::coordinator
