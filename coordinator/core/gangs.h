// Aborts gangs whose ranks have lost each other. A rank by itself waits for minutes, while it holds
// its slots; the coordinator can see earlier that the wait is in vain.
#pragma once

#include <cstdint>

#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// Updates the time of the attempt's last progress from the report of one rank. `now_ms` is
// monotonic.
void NoteProgress(int64_t rank, const task::Progress& progress, int64_t now_ms, LiveAttempt* live);

// Aborts the attempt if no rank of it has moved on for Options::gang_patience_ms (or three times
// its longest step so far, if that is more) and a reason is known: a rank's worker is silent while
// another one's is there, or its workers do not reach each other any more. Part of every pass.
void WatchGang(const AttemptKey& key, Transaction& tx);

// True if an aborted gang is over except for ranks on workers that are not connected. Nothing is
// lost with them: what they report is refused, as their lease epoch is over, and a worker that
// comes back is ordered to drop them.
bool OnlySilentRanksLeft(const AttemptRecord& attempt, const State& state);

// Names the workers that are not connected, with their ranks: "worker w2 (rank 1)".
std::string SilentRanks(const AttemptRecord& attempt, const State& state);

}  // namespace braid::coordinator
