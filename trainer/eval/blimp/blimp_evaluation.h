// BLiMP of a network.
#pragma once

#include <string>

#include "trainer/eval/evaluation.h"

namespace braid::trainer {

// `folder` holds the paradigms, of which the first `pairs` (0: all) count. A noisy model is scored
// with five seeds.
Result<Json> MeasureBlimp(Network& network, const SharedTokenizer& tokenizer,
                          const std::string& folder, int64_t pairs, const MeasureHooks& hooks);

}  // namespace braid::trainer
