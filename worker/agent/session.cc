#include "worker/agent/session.h"

#include <algorithm>

namespace braid::worker {
namespace {

// A coordinator that restarts is dialled again at once; the bound keeps many workers from dialling
// one that is away for long too often.
constexpr int64_t kFirstWaitMs = 100;
constexpr int64_t kMaxWaitMs = 5'000;
// How long ALREADY_EXISTS is tolerated: longer than a coordinator's usual lease, after which it
// notices that a killed predecessor with this id is gone.
constexpr int64_t kRefusedMs = 20'000;
// Until the coordinator has named its own interval.
constexpr int64_t kFirstHeartbeatMs = 500;
// Changes that follow one another within this time are sent in one heartbeat.
constexpr int64_t kMinSignalGapMs = 50;

}  // namespace

Session::Session(const std::string& boot_id, int64_t now_ms)
    : draws_(0, boot_id),
      backoff_(kFirstWaitMs, kMaxWaitMs),
      dial_at_ms_(now_ms),
      contact_ms_(now_ms),
      heartbeat_interval_ms_(kFirstHeartbeatMs),
      isolation_timeout_ms_(DesiredState().isolation_timeout_ms) {}

void Session::Advance(int64_t now_ms, Effects* effects) {
  if (phase_ != Phase::kWaiting || now_ms < dial_at_ms_) return;
  phase_ = Phase::kOpening;
  contacted_ = false;
  effects->push_back(OpenSession{++session_});
}

int64_t Session::NextWake() const {
  if (phase_ == Phase::kEnded) return kNever;
  int64_t wake = isolated_ ? kNever : contact_ms_ + isolation_timeout_ms_ + 1;
  if (phase_ == Phase::kWaiting) wake = std::min(wake, dial_at_ms_);
  if (phase_ == Phase::kOpen && !sending_) wake = std::min(wake, signal_at_ms_);
  return wake;
}

void Session::OnOpened(const SessionOpened& event, int64_t now_ms) {
  if (event.session != session_ || phase_ != Phase::kOpening) return;
  phase_ = Phase::kOpen;
  hello_said_ = sending_ = draining_announced_ = false;
  applied_version_ = cached_version_ = reach_version_ = 0;
  signal_at_ms_ = now_ms;
  last_signal_ms_ = now_ms - kMinSignalGapMs;
}

void Session::OnSent(const SignalSent& event) {
  if (!IsCurrent(event.session)) return;
  sending_ = false;
  draining_announced_ = draining_announced_ || event.draining;
}

bool Session::OnDesired(const DesiredArrived& event, int64_t now_ms) {
  if (!IsCurrent(event.session)) return false;
  contact_ms_ = now_ms;
  contacted_ = true;
  isolated_ = false;
  refused_since_ms_ = kNever;
  heartbeat_interval_ms_ = event.desired.heartbeat_interval_ms;
  isolation_timeout_ms_ = event.desired.isolation_timeout_ms;
  if (signal_at_ms_ != kNever) {
    signal_at_ms_ = std::min(signal_at_ms_, last_signal_ms_ + heartbeat_interval_ms_);
  }
  // An older set would stop ranks that a newer one has started.
  if (event.desired.version < applied_version_) return false;
  applied_version_ = event.desired.version;
  return true;
}

std::optional<Status> Session::OnClosed(const SessionClosed& event, int64_t now_ms,
                                        Effects* effects) {
  if (!IsCurrent(event.session)) return std::nullopt;
  phase_ = Phase::kWaiting;
  signal_at_ms_ = kNever;
  const Status& status = event.status;
  if (status.Is(ErrorReason::kWorkerReplaced) || status.code() == StatusCode::kInvalidArgument)
    return status;
  // Another process with this id may have been killed without the coordinator having noticed yet,
  // so the refusal has to last before this worker gives up.
  if (status.code() != StatusCode::kAlreadyExists) {
    refused_since_ms_ = kNever;
  } else if (refused_since_ms_ == kNever) {
    refused_since_ms_ = now_ms;
  } else if (now_ms - refused_since_ms_ > kRefusedMs) {
    return status;
  }
  // A coordinator that was there a moment ago is probably restarting, so it is dialled again soon.
  if (contacted_) backoff_.Reset();
  const int64_t wait = backoff_.Next(draws_.Uniform(tries_++));
  dial_at_ms_ = now_ms + wait;
  effects->push_back(LogLine{LogLevel::kWarning, "worker",
                             "no session with the coordinator (" + status.message() +
                                 "); again in " + std::to_string(wait) + " ms"});
  return std::nullopt;
}

void Session::SignalSoon(int64_t now_ms) {
  if (phase_ != Phase::kOpen) return;
  signal_at_ms_ = std::min(signal_at_ms_, std::max(now_ms, last_signal_ms_ + kMinSignalGapMs));
}

bool Session::SignalIsDue(int64_t now_ms) const {
  return phase_ == Phase::kOpen && !sending_ && now_ms >= signal_at_ms_;
}

void Session::Send(std::vector<RankStatus> ranks, std::vector<RankKey> delivering,
                   const Cache& cached, const Reach& reach, const Departure& departure,
                   int64_t now_ms, Effects* effects) {
  Signal signal;
  signal.hello = !hello_said_;
  signal.applied_version = applied_version_;
  signal.ranks = std::move(ranks);
  signal.delivering = std::move(delivering);
  if (cached.version() != cached_version_) {
    signal.cached = cached.List();
    signal.bound = cached.Bound();
  }
  cached_version_ = cached.version();
  if (reach.version() != reach_version_) signal.reach = reach.Report();
  reach_version_ = reach.version();
  signal.draining = departure.draining;
  signal.leaving = departure.leaving;
  hello_said_ = true;
  sending_ = true;
  last_signal_ms_ = now_ms;
  signal_at_ms_ = now_ms + heartbeat_interval_ms_;
  effects->push_back(SendSignal{session_, std::move(signal)});
}

bool Session::BecomesIsolated(int64_t now_ms) {
  if (isolated_ || phase_ == Phase::kEnded || now_ms - contact_ms_ <= isolation_timeout_ms_)
    return false;
  return isolated_ = true;
}

void Session::End(Effects* effects) {
  if (phase_ == Phase::kOpening || phase_ == Phase::kOpen)
    effects->push_back(CloseSession{session_});
  phase_ = Phase::kEnded;
}

}  // namespace braid::worker
