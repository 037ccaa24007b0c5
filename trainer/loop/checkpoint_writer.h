// Writes checkpoints beside the training, one at a time, and removes those that are no longer
// needed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "task/channel.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {

class CheckpointWriter {
 public:
  // Checkpoints become <folder>/step-<n>. All references outlive the writer.
  CheckpointWriter(std::string folder, const Network& network, task::Channel& channel);
  ~CheckpointWriter();  // waits for the one in flight

  bool busy() const;
  // Starts writing. REQUIRES: !busy().
  void Begin(OptimizerSnapshot snapshot, TrainState state, std::string history);
  // The error of a checkpoint that could not be written, once; OK while there is none.
  Status TakeError();
  // Waits until the one in flight is written and announced.
  Status Finish();
  int64_t last_written() const;  // its step, 0 for none

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braid::trainer
