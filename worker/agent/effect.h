// What a worker decides to do, as values: the output of its decisions (agent.h). Whoever carries
// them out does so in their order, decides nothing, and answers with the events named here.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "worker/agent/values.h"

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

// Fetch, run and report a rank that may see these GPUs. RankProgressed any number of times,
// RankProgramGone and RankFinished once each.
struct StartRank {
  Assignment assignment;
  std::vector<std::string> gpus;
};
// Checkpoint and end within this time, and report the end.
struct StopRank {
  RankKey key;
  int64_t deadline_ms = 0;  // from now
};
// Kill it and report nothing.
struct DropRank {
  RankKey key;
};
// After RankFinished: nothing is left to do for it.
struct ForgetRank {
  RankKey key;
};

// The worker ends; nothing more is decided. OK after a stop that was asked for.
struct Finish {
  Status status;
};

using Effect = std::variant<OpenSession, SendSignal, CloseSession, ArmTimer, LogLine, StartRank,
                            StopRank, DropRank, ForgetRank, Finish>;
using Effects = std::vector<Effect>;

}  // namespace braid::worker
