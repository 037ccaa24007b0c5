// One fine-tuning of one task with one seed: epochs with an evaluation after each, early stopping,
// and the best weights (docs/papers/papaformer.md#s8.2).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "spec/evaluate/glue.h"
#include "trainer/eval/glue/classifier.h"
#include "trainer/eval/glue/encoding.h"
#include "trainer/eval/glue/task.h"

namespace braid::trainer {

// The learning rate of step `step` (from 0) of `total`: rises linearly from 0 to `lr` over the
// first `warmup` * total steps, rounded up, and falls linearly to 0 after the last step.
double LinearRate(double lr, double warmup, int64_t step, int64_t total);

// Decides after each epoch, by the validation loss, whether to stop.
class EarlyStopping {
 public:
  // Stops after `patience` epochs in a row without a lower loss.
  explicit EarlyStopping(int64_t patience) : patience_(patience) {}

  // Takes the loss of an epoch; returns whether it is the lowest so far.
  bool Improves(double loss);

  // Whether the last `patience` losses were no improvement.
  bool done() const { return without_ >= patience_; }
  // The lowest loss so far; 0 before the first.
  double best() const { return best_; }

 private:
  const int64_t patience_;
  int64_t without_ = 0;
  bool any_ = false;
  double best_ = 0;
};

// A task as tokens.
struct EncodedTask {
  std::vector<EncodedExample> train;
  // The loss on the first set decides when to stop.
  std::vector<std::vector<EncodedExample>> validation;
};

// The result of one training.
struct FineTuned {
  uint64_t seed = 0;
  // Of each validation set with the best weights, in the unit of the task's metric.
  std::vector<double> scores;
  // The lowest validation loss.
  double loss = 0;
  // Number of epochs run.
  int64_t epochs = 0;
  // Counted from 1.
  int64_t best_epoch = 0;
  int64_t steps = 0;
};
// Exact in both directions, for the journal of an evaluation.
Json ToJson(const FineTuned& run);
Result<FineTuned> FineTunedFromJson(const Json& json, const std::string& path);

// Trains, and leaves the best weights in `classifier`. `progress` is called after each step; an
// error ends the training and is returned; it may be empty. A loss that is not finite is
// kInvalidArgument with task, seed and step.
Result<FineTuned> FineTune(const GlueTask& task, const EncodedTask& data,
                           const spec::GlueSettings& settings, uint64_t seed, int32_t pad_id,
                           Classifier& classifier,
                           const std::function<Status(int64_t done, int64_t total)>& progress);

}  // namespace braid::trainer
