// What models cost: tokens, cores and times, added up along the jobs that made them.
#pragma once

#include "report/results/results.h"

namespace braid::report {

// Fills the costs of every model and `speed`. REQUIRES: jobs, merges and models are there.
void AddCosts(Results* results);

}  // namespace braid::report
