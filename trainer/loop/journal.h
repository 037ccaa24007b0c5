// What a training tells of its steps: to whoever follows the job, and in the history.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "task/channel.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {

// Not thread-safe; the references outlive this.
class Journal {
 public:
  // What progress calls a training.
  static constexpr char kPhase[] = "training";

  Journal(const TrainSettings& settings, const StepPlan& plan, task::Channel& channel,
          const Clock& clock)
      : settings_(settings), plan_(plan), channel_(channel), clock_(clock) {}

  // Takes over what earlier attempts wrote, and its last values.
  void Restore(std::string history, Json last_values);
  // The first step of this process follows; `tokens` were read before it.
  void Begin(int64_t tokens);

  // One line twice: at once for whoever follows the job, and in the history, which checkpoints
  // carry, so that the artifact has all steps whatever attempts ran them.
  void Record(int64_t step, const Json& values);
  // Of every rank: while rank 0 is cut off from the coordinator, the others still tell that the
  // gang goes on. `tokens` are those of the training so far.
  void TellProgress(int64_t step, int64_t tokens);

  // Milliseconds of the clock at Begin.
  int64_t begun_ms() const { return begun_ms_; }
  const std::string& history() const { return history_; }
  const Json& last_values() const { return last_values_; }

 private:
  const TrainSettings& settings_;
  const StepPlan& plan_;
  task::Channel& channel_;
  const Clock& clock_;
  std::string history_;
  Json last_values_ = Json::object();
  int64_t begun_ms_ = 0;
  int64_t begun_tokens_ = 0;
};

}  // namespace braid::trainer
