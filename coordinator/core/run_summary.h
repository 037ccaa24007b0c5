// The material for reports and for the model cards of exports: a run as the state has it.
#pragma once

#include <string>

#include "coordinator/core/state.h"
#include "task/run_summary.h"

namespace braid::coordinator {

// REQUIRES: the run exists in `state`.
task::RunSummary RunSummaryOf(const std::string& run, const State& state);

}  // namespace braid::coordinator
