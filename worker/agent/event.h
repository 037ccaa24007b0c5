// What can happen to a worker, as values: the input of its decisions (agent.h). An event that comes
// twice, or that belongs to a session or a rank which is gone, changes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "base/status.h"
#include "worker/agent/values.h"

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

// A rank has news of itself.
struct RankProgressed {
  RankKey key;
  RankProgress progress;
};
// The program of a rank is gone, or will never be started.
struct RankProgramGone {
  RankKey key;
};
// Everything about a rank is done: its end was reported, or nobody wants to hear of it.
struct RankFinished {
  RankKey key;
};

using Event = std::variant<SessionOpened, SessionClosed, SignalSent, DesiredArrived, TimerFired,
                           StopRequested, RankProgressed, RankProgramGone, RankFinished>;

// Takes events from any thread, for the one that hands them to the agent.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Post(Event event) = 0;
};

}  // namespace braid::worker
