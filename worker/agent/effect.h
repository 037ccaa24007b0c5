// The decisions of a worker as values, the output of Agent::Handle (worker/agent/agent.h). They are
// carried out in order by code that decides nothing (worker/carrier.h), and answered with the
// events that are named here (worker/agent/event.h).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "base/status.h"
#include "trace/span.h"
#include "worker/agent/values.h"
#include "worker/agent/work.h"

namespace braid::worker {

// Dial the coordinator. The answer is SessionOpened or SessionClosed; after SessionOpened come
// DesiredArrived, any number of times, and SessionClosed, once.
struct OpenSession {
  int64_t session = 0;
};
// Send a heartbeat on an open session. The answer is SignalSent or SessionClosed.
struct SendSignal {
  int64_t session = 0;
  Signal signal;
};
// End a session; later events of it are ignored.
struct CloseSession {
  int64_t session = 0;
};

// Post TimerFired at this time of the monotonic clock. Replaces the timer that was armed before.
struct ArmTimer {
  int64_t at_ms = 0;
};

// A line for the worker's log.
struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string who;
  std::string text;
  // The rank that it is about, if it is about one, with the span of that.
  LogSubject subject = {};
};

// Try a piece of work once. The answer is Done with this id.
struct Do {
  int64_t id = 0;
  Work work;
};
// The result of the try with this id is not needed any more, so a transfer may end early. Done
// follows in any case.
struct CancelWork {
  int64_t id = 0;
};

// Make the folder of a rank anew, write its task file, and start its program, which may see only
// these GPUs (UUIDs). Its inputs have been laid out already (LayOutArtifact). The answer is
// ProgramStarted; if that is OK, ProgramSaid follows any number of times, and ProgramEnded once.
struct StartProgram {
  Owner owner;
  Assignment assignment;
  std::vector<std::string> gpus;
};
// Send one control line to a program (docs/tasks.md). Ignored if the program has ended or does not
// listen.
struct TellProgram {
  RankKey key;
  Json control;
};
// Kill a program with all processes that it started. Takes effect also while the program is being
// started.
struct KillProgram {
  RankKey key;
};

// A part of a rank's work has ended: a span for the collector of traces, if there is one. Its times
// are `begin_ms` and `end_ms` of the monotonic clock, unless the span has its own.
struct SpanEnded {
  trace::Span span;
  int64_t begin_ms = 0;
  int64_t end_ms = 0;
};

// The worker ends with this status, and the agent decides nothing more. OK after a stop that was
// requested.
struct Finish {
  Status status;
};

using Effect = std::variant<OpenSession, SendSignal, CloseSession, ArmTimer, LogLine, Do,
                            CancelWork, StartProgram, TellProgram, KillProgram, SpanEnded, Finish>;
using Effects = std::vector<Effect>;

}  // namespace braid::worker
