// Trainings that are compared early, as jobs that end at rungs: those of a sweep by successive
// halving, and the starts of a composite.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "recipe/graph/dag.h"
#include "recipe/halving.h"
#include "recipe/recipe.h"
#include "spec/report.h"

namespace braid::recipe {

// The jobs of one training, in their order: before "dense-lr_3e-3", which does the last part, come
// "dense-lr_3e-3@rung_1", ..., each of which goes on where the one before it ended. `training` is
// the job that would do all of it, `model` what it is compared as (task::Rung).
std::vector<JobNode> DivideTraining(const JobNode& training, const std::string& model,
                                    const std::vector<PlannedRung>& rungs, int64_t trial);

// What is unfair in comparing a training before its end, for `braid plan`; or empty. A rate that
// falls from the beginning makes a low one look better early than it is at the end.
std::string CautionOf(const JobNode& training);

// What the report is told of a model and its rungs, without trials yet.
spec::ReportedHalving ForReport(const std::string& model, const std::vector<PlannedRung>& rungs);

// Divides each training of the models of `sweep.models`. Returns what the report is told of them,
// one for each model. `dag` has the jobs of all variants but the report. kInvalidArgument if a
// model has the same training in all variants, or if there are too many rungs.
Result<std::vector<spec::ReportedHalving>> AddRungs(const Recipe& recipe, Dag* dag);

// The part of the jobs of its rung that is run, for each job that is compared with others: as many
// as there are trials that go on to it. By name; all other jobs are run.
std::map<std::string, double> RunShares(const Dag& dag);

}  // namespace braid::recipe
