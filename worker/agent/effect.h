// What a worker decides to do, as values: the output of its decisions (agent.h). Whoever carries
// them out does so in their order, decides nothing, and answers with the events named here.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "base/status.h"
#include "worker/agent/values.h"
#include "worker/agent/work.h"

namespace braid::worker {

// Dial the coordinator. SessionOpened or SessionClosed follows; after an opening DesiredArrived any
// number of times and SessionClosed once.
struct OpenSession {
  int64_t session = 0;
};
// On an open session. SignalSent follows, or SessionClosed.
struct SendSignal {
  int64_t session = 0;
  Signal signal;
};
// Nobody is interested in this session any more.
struct CloseSession {
  int64_t session = 0;
};

// TimerFired at this time of the monotonic clock, in place of what was armed before.
struct ArmTimer {
  int64_t at_ms = 0;
};

// A line for the worker's log.
struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string who;
  std::string text;
};

// Try this. Done with this id follows.
struct Do {
  int64_t id = 0;
  Work work;
};
// Nobody waits for the try with this id any more: a transfer may end early. Done follows all the
// same.
struct CancelWork {
  int64_t id = 0;
};

// Lay out the folder of a rank anew, write its task file, and start its program, which may see
// these GPUs. Its inputs are laid out (LayOutArtifact). ProgramStarted follows; if that is OK,
// ProgramSaid any number of times and ProgramEnded once.
struct StartProgram {
  Assignment assignment;
  std::vector<std::string> gpus;
};
// One control line (docs/tasks.md); nothing happens if the program does not listen.
struct TellProgram {
  RankKey key;
  Json control;
};
// Kill the program and all that it started; also while it is being started.
struct KillProgram {
  RankKey key;
};

// The worker ends; nothing more is decided. OK after a stop that was asked for.
struct Finish {
  Status status;
};

using Effect = std::variant<OpenSession, SendSignal, CloseSession, ArmTimer, LogLine, Do,
                            CancelWork, StartProgram, TellProgram, KillProgram, Finish>;
using Effects = std::vector<Effect>;

}  // namespace braid::worker
