#include "worker/agent/agent.h"

#include <algorithm>
#include <utility>

namespace braid::worker {
namespace {

constexpr int64_t kStopMs = 25'000;          // for checkpoints, after SIGTERM
constexpr int64_t kAnnounceMs = 1'000;       // for telling the coordinator before that
constexpr int64_t kIsolatedStopMs = 60'000;  // for checkpoints, when the coordinator is silent
constexpr int64_t kEndMs = 5'000;            // for the programs to be gone, at the very end

}  // namespace

Agent::Agent(const Options& options, int64_t now_ms)
    : session_(options.boot_id, now_ms), ranks_(options.gpus) {}

Effects Agent::Handle(const Event& event, int64_t now_ms) {
  if (finished_) return {};
  now_ms_ = now_ms;
  effects_.clear();
  std::visit([this](const auto& kind) { On(kind); }, event);
  Advance();
  ArmTimerIfChanged();
  return std::move(effects_);
}

void Agent::On(const SessionOpened& event) {
  session_.OnOpened(event, now_ms_);
}

void Agent::On(const SessionClosed& event) {
  const std::optional<Status> fatal = session_.OnClosed(event, now_ms_, &effects_);
  if (fatal.has_value() && !ending_.has_value()) End(*fatal);
}

void Agent::On(const SignalSent& event) {
  session_.OnSent(event);
}

void Agent::On(const DesiredArrived& event) {
  if (ending_.has_value() || !session_.OnDesired(event, now_ms_)) return;
  ranks_.OnDesired(event.desired, now_ms_, &effects_);
}

void Agent::On(const TimerFired&) {
  armed_ms_ = kNever;
}

void Agent::On(const StopRequested&) {
  if (stop_requested_ || ending_.has_value()) return;
  stop_requested_ = true;
  effects_.push_back(LogLine{
      LogLevel::kInfo, "worker",
      "stopping: what runs gets " + std::to_string(kStopMs / 1000) + " s for a checkpoint"});
  ranks_.Drain();
  session_.SignalSoon(now_ms_);
  stop_step_ms_ = now_ms_ + kAnnounceMs;
}

void Agent::On(const RankProgressed& event) {
  ranks_.OnProgressed(event);
}

void Agent::On(const RankProgramGone& event) {
  ranks_.OnProgramGone(event);
}

void Agent::On(const RankFinished& event) {
  ranks_.OnFinished(event, now_ms_, &effects_);
}

void Agent::Advance() {
  session_.Advance(now_ms_, &effects_);
  if (!stop_requested_ && session_.BecomesIsolated(now_ms_)) {
    effects_.push_back(LogLine{LogLevel::kError, "worker",
                               "cut off from the coordinator for too long: stopping what runs, "
                               "with checkpoints"});
    ranks_.StopAll(kIsolatedStopMs, &effects_);
  }
  ranks_.Advance(now_ms_, &effects_);
  AdvanceStop();
  if (ranks_.TakeChanged()) session_.SignalSoon(now_ms_);
  if (session_.SignalIsDue(now_ms_))
    session_.Send(ranks_.Inventory(), ranks_.draining(), now_ms_, &effects_);
  if (!ending_.has_value() || finished_) return;
  if (ranks_.DroppedProgramsAreGone() || now_ms_ >= ending_by_ms_) {
    finished_ = true;
    effects_.push_back(Finish{*ending_});
  }
}

// What stops after the coordinator knows that this worker leaves is not offered to it again.
void Agent::AdvanceStop() {
  if (!stop_requested_ || ending_.has_value()) return;
  if (!stop_all_sent_ && (session_.draining_announced() || now_ms_ >= stop_step_ms_)) {
    stop_all_sent_ = true;
    stop_step_ms_ = now_ms_ + kStopMs;
    ranks_.StopAll(kStopMs, &effects_);
  }
  if (stop_all_sent_ && (ranks_.empty() || now_ms_ >= stop_step_ms_)) End(OkStatus());
}

void Agent::End(const Status& status) {
  ending_ = status;
  ending_by_ms_ = now_ms_ + kEndMs;
  ranks_.DropAll(now_ms_, &effects_);
  session_.End(&effects_);
}

int64_t Agent::NextWake() const {
  if (finished_) return kNever;
  if (ending_.has_value()) return ending_by_ms_;
  const int64_t stop = stop_requested_ ? stop_step_ms_ : kNever;
  return std::min({session_.NextWake(), ranks_.NextWake(), stop});
}

void Agent::ArmTimerIfChanged() {
  const int64_t wake = NextWake();
  if (wake == armed_ms_ || wake == kNever) return;
  armed_ms_ = wake;
  effects_.push_back(ArmTimer{wake});
}

}  // namespace braid::worker
