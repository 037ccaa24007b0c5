// The loss and the score of a task from the model's outputs.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/eval/glue/encoding.h"
#include "trainer/eval/glue/task.h"

namespace braid::trainer {

// outputs: [examples * task.outputs()]. Mean cross-entropy in nats, or the mean squared error of a
// regression.
double MeanLoss(const GlueTask& task, const std::vector<EncodedExample>& examples,
                const std::vector<float>& outputs);
// The task's metric, in its own unit (1 is perfect): the class is the largest output, the lowest
// number of equal ones.
double Score(const GlueTask& task, const std::vector<EncodedExample>& examples,
             const std::vector<float>& outputs);

}  // namespace braid::trainer
