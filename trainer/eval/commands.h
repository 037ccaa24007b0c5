// Commands of braid-trainer for what evaluations read and leave.
#pragma once

#include "base/arguments.h"
#include "base/status.h"

namespace braid::trainer {

// check [OPTIONS]: what is wrong with the files of evaluations, without a model; the options are
// those of EvaluationKind::check.
Status CheckCommand(const Arguments& arguments);
// adapt FOLDER ADAPTERS OUT: a checkpoint folder of the model with saved adapters merged into its
// weights.
Status AdaptCommand(const Arguments& arguments);

}  // namespace braid::trainer
