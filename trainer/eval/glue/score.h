// Loss and score of a task, computed from the outputs of a model.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/eval/glue/encoding.h"
#include "trainer/eval/glue/task.h"

namespace braid::trainer {

// The mean cross-entropy in nats, or for a regression the mean squared error. `outputs` is
// [examples * task.outputs()].
double MeanLoss(const GlueTask& task, const std::vector<EncodedExample>& examples,
                const std::vector<float>& outputs);
// The task's metric in its own unit, where 1 is perfect. The predicted class is the one with the
// largest output, of equal ones the lowest.
double Score(const GlueTask& task, const std::vector<EncodedExample>& examples,
             const std::vector<float>& outputs);

}  // namespace braid::trainer
