// Queries of the state. Pure functions, called in the core's thread between two batches, or in any
// thread with the state of a snapshot (lists.h). In the core, returned pointers are valid until the
// next batch.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/bulk/log_reader.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// The id of the run that `text` names by id, prefix or name; empty for an empty text, which means
// all runs.
Result<std::string> RunFilterOf(const std::string& text, const State& state);

// kOutOfRange (WATCH_COMPACTED) if events after `since_seq` were removed because of their age. 0
// stands for the oldest event that is there.
Status CheckNotCompacted(int64_t since_seq, const State& state);

// Finds a job of a run. kNotFound lists the jobs of the run, or suggests the nearest name.
Result<const JobRecord*> FindJob(const std::string& run, const std::string& name,
                                 const State& state);

// The state of a job as far as readers of its logs and metrics need it.
Result<JobStanding> StandingOf(const std::string& run, const std::string& job, const State& state);

// The artifact and all that it was made from, as far as it is stored here, each once. Every
// artifact comes after all those that were made from it.
Result<std::vector<const catalog::ArtifactRecord*>> LineageOf(const std::string& id,
                                                              const State& state);

}  // namespace braid::coordinator
