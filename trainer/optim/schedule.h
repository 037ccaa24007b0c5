// The learning rate of each optimizer step (T2 of PaPaformer section 7).
#pragma once

#include <cstdint>
#include <string>

namespace braid::trainer {

struct Schedule {
  std::string kind = "cosine";  // cosine | constant
  double lr = 5e-4;
  double lr_min = 0.0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  // the bounded length of the training
};

// Step 0 is the first. Linear warm-up for t < w, then
//   lr_min + (lr - lr_min) (1 + cos(pi (t - w) / (total - w))) / 2.
double LearningRate(const Schedule& schedule, int64_t step);

}  // namespace braid::trainer
