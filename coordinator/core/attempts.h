// Decisions on attempts: the facts that workers report, and what follows from contact. Every fact
// is fenced by its epoch: a stale one is kAborted (STALE_LEASE) and changes nothing.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// The live attempt of this key, or STALE_LEASE. With a rank, the rank must be the worker's.
Result<const AttemptRecord*> LiveAttemptOf(const AttemptKey& key, const State& state);

Status ReportStarted(const RankKey& rank, Transaction& tx);

// `artifact` is complete in the blob store (the caller checked). Commits it as the job's newest
// checkpoint.
Status CommitCheckpoint(const RankKey& rank, int64_t step, const catalog::ArtifactRecord& artifact,
                        Transaction& tx);

struct EndedCommand {
  RankKey rank;
  std::string worker;
  bool success = false;
  std::vector<catalog::ArtifactRecord> outputs;  // role set; complete in the blob store
  std::string summary;
  catalog::Failure failure;
  bool peer_lost = false;
};
Status ReportEnded(const EndedCommand& command, Transaction& tx);

// The rank cannot run any more and nobody reported its end: its worker restarted, or is lost.
void LoseRank(const AttemptKey& attempt, int64_t rank, const std::string& why, Transaction& tx);

// Asks every rank to stop. `reason`: drain, abort.
void StopAttempt(const AttemptKey& attempt, const std::string& reason,
                 const catalog::Failure& failure, Transaction& tx);

// Ends a stopping attempt whose ranks are all gone, and decides what becomes of its job. Does
// nothing otherwise.
void FinishIfGone(const AttemptKey& attempt, Transaction& tx);

}  // namespace braid::coordinator
