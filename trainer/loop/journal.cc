#include "trainer/loop/journal.h"

#include <algorithm>
#include <utility>

namespace braid::trainer {

void Journal::Restore(std::string history, Json last_values) {
  history_ = std::move(history);
  last_values_ = std::move(last_values);
}

void Journal::Begin(int64_t tokens) {
  begun_ms_ = clock_.MonotonicMs();
  begun_tokens_ = tokens;
}

void Journal::Record(int64_t step, const Json& values) {
  channel_.Metric(step, values);
  Json line = values;
  line["step"] = step;
  history_ += line.dump() + "\n";
  last_values_ = values;
}

void Journal::TellProgress(int64_t step, int64_t tokens) {
  const double seconds =
      std::max<double>(1, static_cast<double>(clock_.MonotonicMs() - begun_ms_)) / 1000;
  // Of this process alone: what earlier attempts took says nothing about this machine.
  const double rate = static_cast<double>(tokens - begun_tokens_) / seconds;
  const double step_tokens = static_cast<double>(settings_.batch * settings_.accumulate *
                                                 settings_.data.sequence);
  channel_.Progress(kPhase, "steps", step, plan_.job_end, rate,
                    rate > 0 ? static_cast<double>(plan_.job_end - step) * step_tokens / rate : -1);
}

}  // namespace braid::trainer
