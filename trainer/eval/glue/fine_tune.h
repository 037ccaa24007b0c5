// One training of one task with one seed: epochs, evaluation after each, early stopping, best
// weights (docs/papers/papaformer.md#s8.2).
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

// The learning rate of step `step` (the first is 0) of `total`: a line from 0 up to `lr` over the
// first `warmup` * total steps, rounded up, then a line down to 0 behind the last.
double LinearRate(double lr, double warmup, int64_t step, int64_t total);

// Tells when to stop by the validation loss after each epoch.
class EarlyStopping {
 public:
  explicit EarlyStopping(int64_t patience) : patience_(patience) {}
  // True iff `loss` is the lowest so far.
  bool Improves(double loss);
  // True iff the last `patience` losses in a row were no improvement.
  bool done() const { return without_ >= patience_; }
  double best() const { return best_; }

 private:
  const int64_t patience_;
  int64_t without_ = 0;
  bool any_ = false;
  double best_ = 0;
};

struct EncodedTask {
  std::vector<EncodedExample> train;
  std::vector<std::vector<EncodedExample>> validation;  // the first set decides when to stop
};

struct FineTuned {
  uint64_t seed = 0;
  std::vector<double> scores;  // of each validation set with the best weights, in the metric's own
                               // unit
  double loss = 0;             // lowest validation loss
  int64_t epochs = 0;          // run
  int64_t best_epoch = 0;      // from 1
  int64_t steps = 0;
};
Json ToJson(const FineTuned& run);
Result<FineTuned> FineTunedFromJson(const Json& json, const std::string& path);

// Leaves the best weights in `classifier`. `progress` is called after each step; an error ends the
// training with it, and it may be empty. A loss that is not finite is kInvalidArgument that names
// task, seed and step.
Result<FineTuned> FineTune(const GlueTask& task, const EncodedTask& data,
                           const spec::GlueSettings& settings, uint64_t seed, int32_t pad_id,
                           Classifier& classifier,
                           const std::function<Status(int64_t done, int64_t total)>& progress);

}  // namespace braid::trainer
