// What can happen to a worker, as values: the input of Agent::Handle (worker/agent/agent.h). An
// event that comes twice, or belongs to a session or rank that is gone, changes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/status.h"
#include "worker/agent/program_message.h"
#include "worker/agent/values.h"
#include "worker/agent/work.h"

namespace braid::worker {

// How long a stop may take that comes without a warning, such as SIGTERM before SIGKILL. A training
// abandons work that would take longer than StopVote::kPatienceMs (5 s), so a checkpoint fits in.
inline constexpr int64_t kStopWithinMs = 25'000;

// The stream for the OpenSession with this number is open; heartbeats may be sent on it.
struct SessionOpened {
  int64_t session = 0;
};
// The session has ended, or could not be opened. Nothing more comes from it.
struct SessionClosed {
  int64_t session = 0;
  Status status;
};
// A heartbeat was handed to the stream, so the next one may be sent.
struct SignalSent {
  int64_t session = 0;
  // Whether that heartbeat told the coordinator that the worker drains.
  bool draining = false;
};
// The coordinator has sent the complete set of ranks that the worker should run.
struct DesiredArrived {
  int64_t session = 0;
  DesiredState desired;
};

// The time of the last ArmTimer has come.
struct TimerFired {};

// The worker was asked to end, by a signal. The running ranks have `within_ms` to write a
// checkpoint and to deliver it.
struct StopRequested {
  int64_t within_ms = kStopWithinMs;
};

// The try of the Do with this id has ended.
struct Done {
  int64_t id = 0;
  Status status;
  // Meaningful if `status` is OK; which alternative it holds is said at each kind of work.
  Answer answer;
};

// The program of a rank has been started, or could not be.
struct ProgramStarted {
  RankKey key;
  Status status;
};
// A task program wrote an event line (docs/tasks.md).
struct ProgramSaid {
  RankKey key;
  ProgramMessage message;
};
// A program has ended. All of its lines have been posted before.
struct ProgramEnded {
  RankKey key;
  // Exit status; meaningful if `signal` is 0.
  int code = 0;
  // The signal that ended the program; 0 if it exited.
  int signal = 0;
  // The last 4 KiB of its log.
  std::string log_tail;
};

using Event = std::variant<SessionOpened, SessionClosed, SignalSent, DesiredArrived, TimerFired,
                           StopRequested, Done, ProgramStarted, ProgramSaid, ProgramEnded>;

// Accepts events from any thread for the thread that runs the agent.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // Thread-safe; returns at once.
  virtual void Post(Event event) = 0;
};

}  // namespace braid::worker
