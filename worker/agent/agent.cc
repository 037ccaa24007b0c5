#include "worker/agent/agent.h"

#include <algorithm>
#include <utility>

namespace braid::worker {
namespace {

// Times of a stop. A training abandons work that would take longer than StopVote::kPatienceMs (5
// s), so that a checkpoint fits into these 25 s.
constexpr int64_t kStopMs = 25'000;
constexpr int64_t kAnnounceMs = 1'000;       // for telling the coordinator before that
constexpr int64_t kIsolatedStopMs = 60'000;  // for checkpoints, when the coordinator is silent
constexpr int64_t kEndMs = 5'000;            // for programs and folders to be gone, at the very end

}  // namespace

Agent::Agent(const Options& options, int64_t now_ms)
    : session_(options.boot_id, now_ms),
      calls_(options.boot_id, turn_),
      cached_(turn_, calls_, options.cache_limit_bytes),
      moves_(calls_),
      fetches_(calls_, moves_, cached_),
      ranks_({turn_, calls_, moves_, fetches_, cached_}, options.worker, options.gpus,
             options.kept),
      reach_(turn_, calls_) {}

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
  if (fatal.has_value() && !ending_.has_value()) End(*fatal);
}

void Agent::On(const SignalSent& event) {
  session_.OnSent(event);
}

void Agent::On(const DesiredArrived& event) {
  if (ending_.has_value() || !session_.OnDesired(event, turn_.now_ms)) return;
  if (const Status same = CheckCoordinator(event.desired.coordinator); !same.ok()) return End(same);
  reach_.OnPeers(event.desired.peers);
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

void Agent::On(const StopRequested&) {
  if (stop_requested_ || ending_.has_value()) return;
  stop_requested_ = true;
  turn_.Add(LogLine{
      LogLevel::kInfo, "worker",
      "stopping: what runs gets " + std::to_string(kStopMs / 1000) + " s for a checkpoint"});
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
  if (Rank* rank = ranks_.Find(event.key)) rank->OnEnded(event);
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
  ranks_.Advance();
  cached_.Advance();
  AdvanceStop();
  // Changes of the inventory are reported at once, because decisions of the coordinator depend on
  // them.
  const bool cached_changed = cached_version_ != cached_.version();
  cached_version_ = cached_.version();
  const bool reach_changed = std::exchange(reach_version_, reach_.version()) != reach_.version();
  if (ranks_.TakeChanged() || cached_changed || reach_changed) session_.SignalSoon(turn_.now_ms);
  if (session_.SignalIsDue(turn_.now_ms))
    session_.Send(ranks_.Inventory(), ranks_.Delivering(), cached_, reach_, ranks_.draining(),
                  turn_.now_ms, &turn_.effects);
  if (!ending_.has_value() || finished_) return;
  if (ranks_.DroppedAreGone() || turn_.now_ms >= ending_by_ms_) {
    finished_ = true;
    turn_.Add(Finish{*ending_});
  }
}

// The coordinator is told first that this worker drains: ranks that stop before it knows would be
// offered to this worker again.
void Agent::AdvanceStop() {
  if (!stop_requested_ || ending_.has_value()) return;
  if (!stop_all_sent_ && (session_.draining_announced() || turn_.now_ms >= stop_step_ms_)) {
    stop_all_sent_ = true;
    stop_step_ms_ = turn_.now_ms + kStopMs;
    ranks_.StopAll(kStopMs);
  }
  if (stop_all_sent_ && (ranks_.empty() || turn_.now_ms >= stop_step_ms_)) End(OkStatus());
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
  const int64_t stop = stop_requested_ ? stop_step_ms_ : kNever;
  return std::min({session_.NextWake(), calls_.NextWake(), ranks_.NextWake(), stop});
}

void Agent::ArmTimerIfChanged() {
  const int64_t wake = NextWake();
  if (wake == armed_ms_ || wake == kNever) return;
  armed_ms_ = wake;
  turn_.Add(ArmTimer{wake});
}

}  // namespace braid::worker
