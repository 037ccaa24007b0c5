// Commands of braid-trainer around evaluations: the check of their input files, and the use of the
// adapters that they leave.
#pragma once

#include "base/arguments.h"
#include "base/status.h"

namespace braid::trainer {

// check [OPTIONS]: checks the input files of evaluations without a model. The options are those of
// EvaluationKind::check.
Status CheckCommand(const Arguments& arguments);
// adapt FOLDER ADAPTERS OUT: merges saved adapters into the weights of the checkpoint FOLDER and
// writes the result as checkpoint OUT.
Status AdaptCommand(const Arguments& arguments);

}  // namespace braid::trainer
