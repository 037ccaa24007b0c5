// The variants of a run with `seeds` or `sweep`, each as the results of a run of its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "report/results/results.h"
#include "report/results/sweep.h"
#include "spec/report.h"

namespace braid::report {

// Reads a model of a task; `results` has what is known beside it.
using ReadReported = std::function<Status(const spec::ReportedModel& model, Results* results)>;

// Fills `run`, which has the facts and inputs under the names of the run: its models are then the
// trainings of all variants, and `sweep` is there. `read` is called with evaluations under the
// names of the run. REQUIRES: task.sweep is there.
Status GatherSweep(const spec::ReportTask& task, const ReadReported& read, Results* run);

}  // namespace braid::report
