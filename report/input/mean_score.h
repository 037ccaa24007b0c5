// The one number that PaPaformer compares models by (Table 7).
#pragma once

#include <optional>

#include "report/input/estimate.h"
#include "report/input/evaluation.h"

namespace braid::report {

// Unweighted mean of BLiMP, GLUE and SuperGLUE, in per cent; none unless all three are known, BLiMP
// with all of its pairs.
std::optional<Estimate> MeanScore(const Evaluation& evaluation);

}  // namespace braid::report
