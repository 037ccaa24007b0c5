// What the coordinator knows about a run, as plain values: the material for reports and for the
// model cards of exports. The worker passes it to the task program (docs/tasks.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/core/state.h"

namespace braid::coordinator {

struct JobSummary : task::Requirements {
  std::string name;
  // The word for the job's state, such as "SUCCEEDED"; a constant that lives as long as the
  // program.
  std::string_view state;
  std::vector<std::string> parents;
  int64_t attempts = 0;
  // The worker of rank 0 of the newest attempt; empty if there was none.
  std::string worker;
  // Wall-clock milliseconds: the start of the first attempt, 0 if it has not started, and the end
  // of the job.
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
  // Role to artifact id.
  StringMap inputs, outputs;
  // The JSON text with which the job's program ended; empty if there is none.
  std::string summary;
};

struct RunSummary {
  std::string id, name;
  int64_t created_ms = 0;
  // In topological order: parents before children.
  std::vector<JobSummary> jobs;
};

// REQUIRES: the run exists in `state`.
RunSummary RunSummaryOf(const std::string& run, const State& state);

}  // namespace braid::coordinator
