// report.json: the numbers of a report for programs.
#pragma once

#include "base/json.h"
#include "report/results/results.h"

namespace braid::report {

// Everything but the curves and the claims (report/claims/claims.h has those). Estimates are
// {"value", "half_width"}; a half width that is not known is null.
Json ToJson(const Results& results);

}  // namespace braid::report
