// Enums that several sections of recipes and of task files share.
#pragma once

#include "base/device.h"
#include "schema/words.h"

namespace braid::spec {

using braid::Device;

// The defaults of the fields in which the published program differs from its paper, the rules A1-A5
// and T1-T8 of docs/papers/papaformer.md#s7: corrected, or as they were published.
enum class Compat { kFixed, kPaper };
const schema::Words& WordsOf(Compat);

// T8: validation losses are means over all target tokens, or means of the means of batches, in
// which a shorter last batch counts like the others.
enum class LossAverage { kTokenMean, kBatchMean };
const schema::Words& WordsOf(LossAverage);

}  // namespace braid::spec
