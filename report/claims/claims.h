// The claims of the papers, tested on the results of a run.
#pragma once

#include <vector>

#include "base/json.h"
#include "report/claims/finding.h"
#include "report/results/results.h"

namespace braid::report {

// Tests every claim that the run has models for: a finding for each set of models it can be tested
// on, in the order of the claims (report/claims/claim.h). A claim whose models are there but whose
// measurements are not is undecided and says what to evaluate.
std::vector<Finding> TestClaims(const Results& results);

// A list of objects, with the verdict in words.
Json ToJson(const std::vector<Finding>& findings);

}  // namespace braid::report
