// What a run knows of itself, as values: what reports and model cards are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/core/state.h"

namespace braid::coordinator {

struct JobSummary {
  std::string name, kind;
  std::string_view state;  // "SUCCEEDED", ...
  std::vector<std::string> parents;
  int64_t slots = 1;
  int64_t ranks = 1;
  int64_t attempts = 0;
  std::string worker;      // of the newest attempt's rank 0
  int64_t started_ms = 0;  // of the first attempt
  int64_t ended_ms = 0;
  StringMap inputs, outputs;
  std::string summary;  // what its program said at its end: JSON, as it was said
};

struct RunSummary {
  std::string id, name;
  int64_t created_ms = 0;
  std::vector<JobSummary> jobs;  // in topological order
};

// REQUIRES: the run exists.
RunSummary RunSummaryOf(const std::string& run, const State& state);

}  // namespace braid::coordinator
