// The costs of models: tokens, cores and times, added up over the jobs that made them.
#pragma once

#include "report/results/results.h"

namespace braid::report {

// The jobs without which the model would not be: its training, and that of the seed model with
// which it began; of a composite, those of its paths, the merge, and of a trained one the gate and
// the joint phase. Jobs of which nothing is known are left out.
std::vector<const JobResult*> JobsOf(const Results& results, const ModelResult& model);

// Fills the costs of every model and `speed`. REQUIRES: jobs, merges and models are there.
void AddCosts(Results* results);

}  // namespace braid::report
