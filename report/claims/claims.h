// What the papers claim, and what this run says of it.
#pragma once

#include <vector>

#include "base/json.h"
#include "report/claims/finding.h"
#include "report/results/results.h"

namespace braid::report {

// Every claim that the run has models for, a finding for each set of models it can be tested on; a
// claim whose models are there but whose measurements are not is undecided and says what to
// evaluate. In the order of the papers.
std::vector<Finding> TestClaims(const Results& results);

// The parts of it. PaPaformer and `connect: slice` need a composite, the dual-path claims a block
// that is not llama.
std::vector<Finding> TestPapaformerClaims(const Results& results);
std::vector<Finding> TestSliceClaims(const Results& results);
std::vector<Finding> TestDualPathClaims(const Results& results);

Json ToJson(const std::vector<Finding>& findings);

}  // namespace braid::report
