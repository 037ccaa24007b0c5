// The fields of report.json (docs/formats.md) that do not depend on which evaluations there are.
#pragma once

#include "base/json.h"
#include "report/results/results.h"

namespace braid::report {

// Title, run, compat and corpora, and of each model its name, role and costs, in order of `models`.
// Parts add the rest (report/parts/report.h). Numbers that are not known are as in ModelResult.
Json ToJson(const Results& results);

}  // namespace braid::report
