// Reads the inputs of a report.
#pragma once

#include <vector>

#include "base/status.h"
#include "report/results/results.h"
#include "task/task.h"

namespace braid::report {

// Reads the spec and the inputs of a report job (docs/tasks.md), `fields` of its evaluations, and
// adds up costs. Errors name the file and the field.
Result<Results> Gather(const task::Task& task, const std::vector<EvaluationField>& fields);

}  // namespace braid::report
