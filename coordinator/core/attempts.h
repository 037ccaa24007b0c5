// Decisions about attempts: what follows when a worker reports the start, a checkpoint or the end
// of a rank, and when contact with a worker is lost. Every report carries the lease epoch of its
// attempt. A report for an epoch that has ended, or never was, is refused with kAborted
// (STALE_LEASE) and changes nothing.
//
// The functions run in the core's thread, within a transaction (coordinator/core/transaction.h).
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// The attempt with this key if it has not ended, else kAborted (STALE_LEASE). The pointer is valid
// until the next update of the state.
Result<const AttemptRecord*> LiveAttemptOf(const AttemptKey& key, const State& state);

// Adds the artifact, unless it is there already and was not removed.
void CommitIfNotThere(const catalog::ArtifactRecord& artifact, Transaction& tx);

// A task program of this rank has started. The first such report makes the attempt RUNNING; later
// ones, of other ranks or repeated, change only what is known about the worker's cache (the job's
// inputs are there now).
Status ReportStarted(const RankKey& rank, Transaction& tx);

// Commits `artifact` as the newest checkpoint of the job. REQUIRES: all of its blobs are in the
// blob store; the caller has checked that. A repeated commit of the same artifact succeeds. A
// `step` below that of the newest checkpoint is STALE_LEASE, so that a delayed message never sets a
// job back.
Status CommitCheckpoint(const RankKey& rank, int64_t step, const catalog::ArtifactRecord& artifact,
                        Transaction& tx);

// The end of one rank as its worker reports it.
struct EndedCommand {
  RankKey rank;
  std::string worker;
  bool success = false;
  // The artifacts that the program made, each with `role` set; their blobs are in the blob store.
  // Rank 0 alone has outputs.
  std::vector<catalog::ArtifactRecord> outputs;
  // The program's summary of its result as JSON; empty if it sent none.
  std::string summary;
  // Meaningful only if `success` is false.
  catalog::Failure failure;
  // The rank failed because another rank of its gang was gone. Such a failure is replaced by that
  // of a rank that knows the cause, should one arrive.
  bool peer_lost = false;
};
// Records the end of a rank. Success of rank 0 ends the attempt and the job. The failure of one
// rank of a gang stops the other ranks, and the attempt ends when all of them are gone; whether the
// job is queued again is the decision of scheduler::DecideRetry. A report that arrives again, or
// late and without consequence, succeeds, so that the worker may forget it. A rank that is leased
// to another worker is STALE_LEASE.
Status ReportEnded(const EndedCommand& command, Transaction& tx);

// Ends a rank whose end will never be reported, because its worker was restarted, is lost, or says
// that it does not run the rank. `why` becomes the error of the attempt. Does nothing for an
// attempt that has ended.
void LoseRank(const AttemptKey& attempt, int64_t rank, const std::string& why, Transaction& tx);

// How long an attempt that is asked to stop may take before its worker kills it.
int64_t StopTimeoutMs(catalog::StopReason reason, const Options& options);

// Marks the attempt as stopping, which asks every rank to stop with the next DesiredState. Under
// kAbort the ranks are killed at once, otherwise they have time to write a checkpoint
// (StopTimeoutMs). `failure` is recorded as the failure of the attempt when it ends.
void StopAttempt(const AttemptKey& attempt, catalog::StopReason reason,
                 const catalog::Failure& failure, Transaction& tx);

// Ends an attempt that is stopping once none of its ranks can run any more (State::AllRanksGone),
// and queues its job again or ends it. Does nothing for other attempts, so that callers need not
// know.
void FinishIfGone(const AttemptKey& attempt, Transaction& tx);

}  // namespace braid::coordinator
