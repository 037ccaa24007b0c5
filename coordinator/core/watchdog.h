// Programs that run and get no further: a training that makes no step for too long is stopped, and
// its job queued again as after the loss of a machine. Nothing else would detect this: the worker
// sends heartbeats, the program runs, and the slots stay in use.
#pragma once

#include <cstdint>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// How the failure of an attempt begins that WatchSteps has aborted, and no other; alerts know it by
// this.
inline constexpr char kNoStepFor[] = "no step for ";

// How long, in ms, the job's program may make no step, as its recipe says (train.stall_timeout); 0:
// without limit, as for kinds of jobs that have no steps.
int64_t StallTimeoutMs(const JobRecord& job);

// Updates the time for which the attempt has made no step from a heartbeat's report on rank 0. Only
// time between two heartbeats that list the rank counts, and little of it if they are far apart: a
// worker, or a coordinator, that slept is no program that hangs. `beat_ms` is the most that counts
// between two heartbeats.
void NoteStillness(const task::Progress& progress, int64_t now_ms, int64_t beat_ms,
                   LiveAttempt* live);

// Aborts the attempt if its program has made no step for StallTimeoutMs, or three times its longest
// step so far if that is more. Part of every pass.
void WatchSteps(const AttemptKey& key, Transaction& tx);

// The failure of an attempt that WatchSteps has aborted, with the last lines that its program
// printed: now its worker has sent them.
catalog::Failure WithLastLines(const catalog::Failure& failure, const std::string& log_tail);

}  // namespace braid::coordinator
