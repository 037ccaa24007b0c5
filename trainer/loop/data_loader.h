// Reads the micro-batches of one rank in a thread of its own, ahead of the training step, so that
// the step does not wait for the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/status.h"
#include "corpus/dataset.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {

// One rank's part of a micro-batch.
struct MicroBatch {
  // Token ids and labels, both [rows of this rank, sequence], row-major. A negative label is no
  // target.
  std::vector<int32_t> ids;
  std::vector<int32_t> labels;
  // The source of each row, as a place in the sources of the data set.
  std::vector<size_t> sources;
  // Labels that count, over all ranks. Every rank knows the number without asking the others,
  // because training sequences have no pad tokens.
  int64_t targets = 0;
  // MicroPlace::number, which selects the random draws of the micro-batch.
  int64_t number = 0;
  // Index within the micro-batch of this rank's first sequence.
  int64_t first_row = 0;
};

// Holds at most a few micro-batches at a time, however slow the step is.
class DataLoader {
 public:
  // Starts to read the micro-batches of the steps from `first_step` on. A micro-batch of B
  // sequences gives rank r the r-th group of B / world sequences. REQUIRES: world divides
  // settings.batch. All references outlive the loader.
  DataLoader(const TrainSettings& settings, const corpus::Dataset& dataset, const StepPlan& plan,
             int64_t first_step, int64_t rank, int64_t world);
  // Stops reading; micro-batches that were not taken are dropped.
  ~DataLoader();

  // Returns the next micro-batch in order, and blocks until it is read. An error of the data set is
  // returned instead. REQUIRES: called by one thread, not after an error, and at most once for each
  // micro-batch that the plan has left; otherwise it waits for ever.
  Result<MicroBatch> Next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braid::trainer
