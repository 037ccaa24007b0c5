// Words that several sections of a recipe and of task files share.
#pragma once

#include "schema/words.h"

namespace braid::spec {

enum class Device { kCpu, kCuda };
const schema::Words& WordsOf(Device);

// Which defaults the fields with an id (A1-A5, T1-T8) begin from: what was published, or the same
// corrected.
enum class Compat { kFixed, kPaper };
const schema::Words& WordsOf(Compat);

// T8: a mean over all targets, or over batches, the short last one included.
enum class LossAverage { kTokenMean, kBatchMean };
const schema::Words& WordsOf(LossAverage);

}  // namespace braid::spec
