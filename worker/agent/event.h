// What can happen to a worker, as values: the input of its decisions (agent.h). An event that comes
// twice, or that belongs to a session or a rank which is gone, changes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/status.h"
#include "worker/agent/program_message.h"
#include "worker/agent/values.h"
#include "worker/agent/work.h"

namespace braid::worker {

// The stream of OpenSession with this number is there; signals may be sent.
struct SessionOpened {
  int64_t session = 0;
};
// It ended, or could not be opened. Nothing more comes from it.
struct SessionClosed {
  int64_t session = 0;
  Status status;
};
// A signal was handed to the stream; the next one may follow.
struct SignalSent {
  int64_t session = 0;
  bool draining = false;  // as the signal said
};
// The coordinator said what it wants.
struct DesiredArrived {
  int64_t session = 0;
  DesiredState desired;
};

// The time of the last ArmTimer has come.
struct TimerFired {};

// Somebody wants this worker to end: SIGTERM.
struct StopRequested {};

// A try of Do with this id has ended.
struct Done {
  int64_t id = 0;
  Status status;
  Answer answer;  // as the work says, if the status is OK
};

// The program of a rank runs, or could not be started.
struct ProgramStarted {
  RankKey key;
  Status status;
};
// After it was started.
struct ProgramSaid {
  RankKey key;
  ProgramMessage message;
};
// Everything that it said was heard.
struct ProgramEnded {
  RankKey key;
  int code = 0;    // exit status, if `signal` is 0
  int signal = 0;  // that ended it
  std::string log_tail;
};

using Event = std::variant<SessionOpened, SessionClosed, SignalSent, DesiredArrived, TimerFired,
                           StopRequested, Done, ProgramStarted, ProgramSaid, ProgramEnded>;

// Takes events from any thread, for the one that hands them to the agent.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Post(Event event) = 0;
};

}  // namespace braid::worker
