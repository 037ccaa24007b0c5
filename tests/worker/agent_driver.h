// Runs a worker's agent step by step: a test hands in events, moves the time, looks at the effects
// and answers work. Nothing happens by itself but the timer.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/agent/agent.h"

namespace braid::worker {

// The rank of Train("a"), and answers of a coordinator.
inline const RankKey kKey{"r", "a", 1, 0};
inline const Status kAway = Unavailable("connection refused");
inline const Status kStale(StatusCode::kAborted, ErrorReason::kStaleLease,
                           "the lease has a newer epoch");
inline const Status kFull(StatusCode::kResourceExhausted, ErrorReason::kStorageFull,
                          "writing x: No space left on device");

class AgentDriver {
 public:
  explicit AgentDriver(std::vector<std::string> gpus = {},
                       const std::vector<std::string>& cached = {},
                       const std::vector<KeptRank>& kept = {}, std::string worker = "worker-1")
      : AgentDriver(Agent::Options{"boot-1", std::move(gpus), kept, std::move(worker)},
                    ContentOf(cached)) {}
  AgentDriver(const Agent::Options& options, const CacheContent& cached)
      : agent_(options, now_ms_) {
    Feed(TimerFired{});
    Answer<ListCache>(OkStatus(), cached);
  }

  int64_t now_ms() const { return now_ms_; }
  bool finished() const { return agent_.finished(); }

  void Feed(const Event& event) {
    for (Effect& effect : agent_.Handle(event, now_ms_)) {
      if (const auto* timer = std::get_if<ArmTimer>(&effect)) {
        timer_ms_ = timer->at_ms;
      } else if (auto* work = std::get_if<Do>(&effect)) {
        open_.push_back(std::move(*work));
      } else {
        effects_.push_back(std::move(effect));
      }
    }
  }
  // Lets time pass, with the timer firing whenever it is due.
  void Pass(int64_t ms) {
    const int64_t until_ms = now_ms_ + ms;
    while (timer_ms_.has_value() && *timer_ms_ <= until_ms) {
      now_ms_ = std::max(now_ms_, *std::exchange(timer_ms_, std::nullopt));
      Feed(TimerFired{});
    }
    now_ms_ = until_ms;
  }

  // The effects of one kind since the last call; those of other kinds stay.
  template <typename Kind>
  std::vector<Kind> Take() {
    std::vector<Kind> taken;
    std::vector<Effect> left;
    for (Effect& effect : effects_) {
      if (Kind* kind = std::get_if<Kind>(&effect)) {
        taken.push_back(std::move(*kind));
      } else {
        left.push_back(std::move(effect));
      }
    }
    effects_ = std::move(left);
    return taken;
  }

  // Work of this kind that waits for its answer.
  template <typename Kind>
  std::vector<Kind> Open() const {
    std::vector<Kind> found;
    for (const Do& work : open_) {
      if (const Kind* kind = std::get_if<Kind>(&work.work)) found.push_back(*kind);
    }
    return found;
  }
  // Answers the oldest work of this kind, and returns it. There must be one.
  template <typename Kind>
  Kind Answer(const Status& status = OkStatus(), const worker::Answer& answer = {}) {
    const auto work = std::find_if(open_.begin(), open_.end(), [](const Do& one) {
      return std::holds_alternative<Kind>(one.work);
    });
    if (work == open_.end()) {
      ADD_FAILURE() << "no work of this kind is waited for";
      return {};
    }
    const Do done = *work;
    open_.erase(work);
    Feed(Done{done.id, status, answer});
    if (repeat_) Feed(Done{done.id, Aborted("said twice"), answer});
    return std::get<Kind>(done.work);
  }
  // The answers to what every rank with a program asks for, if there is nothing to tell of: its
  // start is known, its files have not grown, its end is kept, its folder goes.
  void AnswerRoutine() {
    for (bool again = true; again;) {
      again = true;
      if (!Open<ReportStarted>().empty()) {
        Answer<ReportStarted>();
      } else if (!Open<SendPiece>().empty()) {
        Answer<SendPiece>(OkStatus(), PieceSent{Open<SendPiece>()[0].offset, true});
      } else if (!Open<KeepManifest>().empty()) {
        Answer<KeepManifest>();
      } else if (!Open<KeepEnd>().empty()) {
        Answer<KeepEnd>();
      } else if (!Open<DropCheckpoint>().empty()) {
        Answer<DropCheckpoint>();
      } else if (!Open<RemoveRankFolder>().empty()) {
        Answer<RemoveRankFolder>();
      } else {
        again = false;
      }
    }
  }
  // From now on every answer comes twice, the second time with an error.
  void Repeat(bool repeat) { repeat_ = repeat; }
  bool idle() const { return agent_.idle(); }

  void Started(const RankKey& key) { Feed(ProgramStarted{key, OkStatus()}); }
  void Say(const RankKey& key, ProgramMessage message) {
    Feed(ProgramSaid{key, std::move(message)});
  }
  void Ended(const RankKey& key, int code = 0, int signal = 0, const std::string& log = "") {
    Feed(ProgramEnded{key, code, signal, log});
  }

  // Answers every signal that was sent, as a stream does that never blocks.
  std::vector<Signal> TakeSignals() {
    std::vector<Signal> signals;
    while (true) {
      const std::vector<SendSignal> sent = Take<SendSignal>();
      if (sent.empty()) return signals;
      for (const SendSignal& send : sent) {
        signals.push_back(send.signal);
        Feed(SignalSent{send.session, send.signal.draining});
      }
    }
  }

  // Dials until there is a session, and says hello on it. Returns its number.
  int64_t Connect() {
    std::vector<OpenSession> dialled = Take<OpenSession>();
    for (int waited = 0; dialled.empty() && waited < 100; ++waited) {
      Pass(100);
      dialled = Take<OpenSession>();
    }
    session_ = dialled.at(0).session;
    Feed(SessionOpened{session_});
    return session_;
  }
  int64_t session() const { return session_; }

  // The coordinator says what it wants, under the next version.
  void Want(std::vector<Assignment> ranks, std::vector<RefusedGpu> refused = {}) {
    desired_.version += 1;
    desired_.ranks = std::move(ranks);
    desired_.refused_gpus = std::move(refused);
    Feed(DesiredArrived{session_, desired_});
  }
  // Which coordinator says so from the next Want on.
  void SetCoordinator(const std::string& id) { desired_.coordinator = id; }
  // The intervals that the coordinator asks for from the next Want on.
  void SetIntervals(int64_t heartbeat_ms, int64_t isolation_ms) {
    desired_.heartbeat_interval_ms = heartbeat_ms;
    desired_.isolation_timeout_ms = isolation_ms;
  }
  const DesiredState& desired() const { return desired_; }

 private:
  // Artifacts without files.
  static CacheContent ContentOf(const std::vector<std::string>& ids) {
    CacheContent content;
    for (const std::string& id : ids) content.artifacts[id] = {};
    return content;
  }

  int64_t now_ms_ = 1'000'000;
  Agent agent_;
  std::optional<int64_t> timer_ms_;
  std::vector<Effect> effects_;
  std::vector<Do> open_;
  bool repeat_ = false;
  int64_t session_ = 0;
  DesiredState desired_;
};

inline Assignment Train(const std::string& job, int64_t epoch = 1, bool stop = false) {
  Assignment assignment;
  assignment.key = {"r", job, epoch, 0};
  assignment.kind = "train";
  assignment.spec = "{}";
  assignment.stop = stop;
  assignment.stop_timeout_ms = 700;
  return assignment;
}

}  // namespace braid::worker
