// BLiMP for a network (trainer/eval/blimp/blimp.h).
#pragma once

#include <string>

#include "trainer/eval/evaluation.h"

namespace braid::trainer {

// Scores the paradigms in `folder`, the first `pairs` pairs of each (0: all). A model that draws
// noise in evaluation (IsNoisy) is scored with five seeds.
Result<Json> MeasureBlimp(Network& network, const SharedTokenizer& tokenizer,
                          const std::string& folder, int64_t pairs, const MeasureHooks& hooks);

}  // namespace braid::trainer
