// Reads the micro-batches of one rank ahead of the step, in a thread of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "corpus/dataset.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {

struct MicroBatch {
  std::vector<int32_t> ids;  // [batch of this rank, sequence]
  std::vector<int32_t> labels;
  int64_t targets = 0;    // labels that count, over all ranks: a chunk has no pads, so every rank
                          // knows
  int64_t number = 0;     // MicroPlace::number
  int64_t first_row = 0;  // sequence of the micro-batch that this rank begins with
};

class DataLoader {
 public:
  // Micro-batches of the steps from `first_step` on. A micro-batch of B sequences gives rank r the
  // r-th B / world of them. REQUIRES: world divides settings.batch. All references outlive the
  // loader.
  DataLoader(const TrainSettings& settings, const corpus::Dataset& dataset, const StepPlan& plan,
             int64_t first_step, int64_t rank, int64_t world);
  ~DataLoader();
  // The next one, in order.
  Result<MicroBatch> Next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braid::trainer
