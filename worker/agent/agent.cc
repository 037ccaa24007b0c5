#include "worker/agent/agent.h"

#include <algorithm>
#include <utility>

namespace braid::worker {
namespace {

// Times of a stop.
constexpr int64_t kAnnounceMs = 1'000;       // for telling the coordinator before it
constexpr int64_t kGoodbyeMs = 2'000;        // for telling it afterwards that the worker is gone
constexpr int64_t kIsolatedStopMs = 60'000;  // for checkpoints, when the coordinator is silent
constexpr int64_t kEndMs = 5'000;            // for programs and folders to be gone, at the very end

// The part of a stop that programs have for their checkpoints; the rest of a long one is for
// transfers.
int64_t ProgramsWithinMs(int64_t within_ms) {
  return std::max(std::min(within_ms, kStopWithinMs), within_ms / 2);
}

}  // namespace

Agent::Agent(const Options& options, int64_t now_ms)
    : session_(options.boot_id, now_ms),
      calls_(options.boot_id, turn_),
      cached_(turn_, calls_, options.cache_limit_bytes),
      moves_(calls_),
      fetches_(calls_, moves_, cached_),
      ranks_({turn_, calls_, moves_, fetches_, cached_}, options.worker, options.gpus,
             options.kept),
      reach_(turn_, calls_),
      stay_(options.stay, now_ms),
      ephemeral_(options.ephemeral) {}

Effects Agent::Handle(const Event& event, int64_t now_ms) {
  if (finished_) return {};
  turn_ = {now_ms, {}};
  // Not in the constructor, because effects can only be returned from here.
  if (!std::exchange(started_, true)) {
    cached_.Start();
    ranks_.Recover();
  }
  std::visit([this](const auto& kind) { On(kind); }, event);
  Advance();
  ArmTimerIfChanged();
  return std::exchange(turn_.effects, {});
}

bool Agent::idle() const {
  return ranks_.empty() && ranks_.DroppedAreGone() && ranks_.AllIsDelivered() && calls_.empty() &&
         moves_.empty() && fetches_.empty();
}

void Agent::On(const SessionOpened& event) {
  session_.OnOpened(event, turn_.now_ms);
}

void Agent::On(const SessionClosed& event) {
  const std::optional<Status> fatal = session_.OnClosed(event, turn_.now_ms, &turn_.effects);
  if (ending_.has_value()) return;
  // That the session ends is the answer to the goodbye.
  if (says_goodbye() && !session_.open()) return End(OkStatus());
  if (fatal.has_value()) End(*fatal);
}

void Agent::On(const SignalSent& event) {
  session_.OnSent(event);
}

void Agent::On(const DesiredArrived& event) {
  if (ending_.has_value() || says_goodbye() || !session_.OnDesired(event, turn_.now_ms)) return;
  if (const Status same = CheckCoordinator(event.desired.coordinator); !same.ok()) return End(same);
  reach_.OnPeers(event.desired.peers);
  cached_.WorkFor(event.desired.coordinator);
  cached_.ReleaseBound(event.desired.released);
  ranks_.OnDesired(event.desired);
}

// What runs for one coordinator must not be stopped, and its results must not be thrown away,
// because another one, which knows nothing of it, does not want it.
Status Agent::CheckCoordinator(const std::string& coordinator) {
  if (coordinator_.empty()) coordinator_ = coordinator;
  if (coordinator == coordinator_) return OkStatus();
  return FailedPrecondition(
      "this worker works for coordinator " + coordinator_ + ", and " +
      (coordinator.empty() ? "one of an earlier version" : "coordinator " + coordinator) +
      " answers in its place: the worker ends, and what it has kept for the first stays in its "
      "folder. Start it again to work for the one that answers now");
}

void Agent::On(const TimerFired&) {
  armed_ms_ = kNever;
}

void Agent::On(const StopRequested& event) {
  Leave("stopping", event.within_ms);
}

void Agent::Leave(const std::string& why, int64_t within_ms) {
  if (ending_.has_value() || says_goodbye()) return;
  if (stop_requested_) {
    stop_within_ms_ = std::min(stop_within_ms_, within_ms);
    if (stop_all_sent_) stop_step_ms_ = std::min(stop_step_ms_, turn_.now_ms + within_ms);
    return;
  }
  stop_requested_ = true;
  stop_within_ms_ = within_ms;
  turn_.Say(LogLevel::kInfo, "worker",
            why + ": what runs gets " + std::to_string(ProgramsWithinMs(within_ms) / 1000) +
                " s for a checkpoint");
  ranks_.Drain();
  session_.SignalSoon(turn_.now_ms);
  stop_step_ms_ = turn_.now_ms + kAnnounceMs;
}

void Agent::On(const Done& event) {
  calls_.OnDone(event);
}

void Agent::On(const ProgramStarted& event) {
  if (Rank* rank = ranks_.Find(event.key)) rank->OnStarted(event.status);
}

void Agent::On(const ProgramSaid& event) {
  if (Rank* rank = ranks_.Find(event.key)) rank->OnSaid(event.message);
}

void Agent::On(const ProgramEnded& event) {
  if (Rank* rank = ranks_.Find(event.key)) rank->OnEnded(event, stop_requested_);
}

void Agent::Advance() {
  session_.Advance(turn_.now_ms, &turn_.effects);
  if (!stop_requested_ && session_.BecomesIsolated(turn_.now_ms)) {
    turn_.Add(LogLine{LogLevel::kError, "worker",
                      "cut off from the coordinator for too long: stopping what runs, "
                      "with checkpoints"});
    ranks_.StopAll(kIsolatedStopMs);
  }
  calls_.Advance();
  if (session_.draining_announced()) ranks_.DrainIsKnown();
  ranks_.Advance();
  cached_.Advance();
  AdvanceStay();
  AdvanceStop();
  // Changes of the inventory are reported at once, because decisions of the coordinator depend on
  // them.
  const bool cached_changed = cached_version_ != cached_.version();
  cached_version_ = cached_.version();
  const bool reach_changed = std::exchange(reach_version_, reach_.version()) != reach_.version();
  if (ranks_.TakeChanged() || cached_changed || reach_changed) session_.SignalSoon(turn_.now_ms);
  if (session_.SignalIsDue(turn_.now_ms))
    session_.Send(ranks_.Inventory(), ranks_.Delivering(), cached_, reach_,
                  {.draining = ranks_.draining(), .leaving = says_goodbye()}, turn_.now_ms,
                  &turn_.effects);
  if (!ending_.has_value() || finished_) return;
  if (ranks_.DroppedAreGone() || turn_.now_ms >= ending_by_ms_) {
    finished_ = true;
    turn_.Add(Finish{*ending_});
  }
}

void Agent::AdvanceStay() {
  stay_.Observe(!ranks_.empty() || !ranks_.DroppedAreGone() || !ranks_.AllIsDelivered(),
                turn_.now_ms);
  if (stop_requested_ || ending_.has_value()) return;
  const Stay::Stage stage = stay_.StageAt(turn_.now_ms);
  if (stage == Stay::Stage::kLeave)
    return Leave("leaving, as " + stay_.Why(turn_.now_ms), stay_.LeaveWithinMs(turn_.now_ms));
  if (stage == Stay::Stage::kOpen || ranks_.draining()) return;
  turn_.Say(LogLevel::kInfo, "worker",
            "taking no more jobs, as the time of this worker is nearly up (--max-time): what runs "
            "goes on for a while");
  ranks_.Drain();
  session_.SignalSoon(turn_.now_ms);
}

// The coordinator is told first that this worker drains: ranks that stop before it knows would be
// offered to this worker again.
void Agent::AdvanceStop() {
  if (!stop_requested_ || ending_.has_value()) return;
  if (says_goodbye()) {
    if (turn_.now_ms >= goodbye_by_ms_) End(OkStatus());
    return;
  }
  if (!stop_all_sent_ && (session_.draining_announced() || turn_.now_ms >= stop_step_ms_)) {
    stop_all_sent_ = true;
    stop_step_ms_ = turn_.now_ms + stop_within_ms_;
    ranks_.DrainIsKnown();
    ranks_.StopAll(ProgramsWithinMs(stop_within_ms_));
  }
  // An ephemeral worker has no later process that would deliver what an earlier one kept.
  const bool over = ranks_.empty() && (!ephemeral_ || ranks_.AllIsDelivered());
  if (stop_all_sent_ && (over || turn_.now_ms >= stop_step_ms_)) FinishStop();
}

void Agent::FinishStop() {
  if (!ephemeral_ || !session_.open()) return End(OkStatus());
  ranks_.AbandonAll();
  goodbye_by_ms_ = turn_.now_ms + kGoodbyeMs;
  session_.SignalSoon(turn_.now_ms);
}

void Agent::End(const Status& status) {
  ending_ = status;
  ending_by_ms_ = turn_.now_ms + kEndMs;
  ranks_.AbandonAll();
  session_.End(&turn_.effects);
}

int64_t Agent::NextWake() const {
  if (finished_) return kNever;
  if (ending_.has_value()) return std::min(ending_by_ms_, calls_.NextWake());
  const int64_t stop = says_goodbye()    ? goodbye_by_ms_
                       : stop_requested_ ? stop_step_ms_
                                         : stay_.NextWake(turn_.now_ms);
  return std::min({session_.NextWake(), calls_.NextWake(), ranks_.NextWake(), stop});
}

void Agent::ArmTimerIfChanged() {
  const int64_t wake = NextWake();
  if (wake == armed_ms_ || wake == kNever) return;
  armed_ms_ = wake;
  turn_.Add(ArmTimer{wake});
}

}  // namespace braid::worker
