// Writes checkpoints in a thread of its own while the training goes on, one at a time, and removes
// those that are no longer needed. While it writes, a copy of weights and optimizer state is in
// memory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "task/channel.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {

// Used by rank 0 alone, from the thread that trains.
class CheckpointWriter {
 public:
  // Checkpoints become <folder>/step-<n>. `network` and `channel` outlive the writer; of the
  // network only its spec and layout are read.
  CheckpointWriter(std::string folder, const Network& network, task::Channel& channel);
  // Waits for the checkpoint that is being written.
  ~CheckpointWriter();

  // Whether a checkpoint is being written.
  bool busy() const;
  // Whether the worker has not taken over the last two checkpoints, so that another one would only
  // fill the disk. Never true without a worker, which takes none over. REQUIRES: !busy().
  bool behind() const;

  // Starts writing a checkpoint, which is announced on the channel when it is complete. The
  // snapshot is a copy of the weights, so that the next step may change them. A checkpoint that
  // cannot be written leaves nothing behind. REQUIRES: !busy().
  void Begin(OptimizerSnapshot snapshot, TrainState state, std::string history);

  // Returns the error of a checkpoint that could not be written, once; otherwise OK.
  Status TakeError();

  // Waits until the checkpoint that is being written is complete and announced. Returns
  // TakeError(), so that a later TakeError is OK.
  Status Finish();
  // Step of the newest complete checkpoint; 0 if there is none.
  int64_t last_written() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braid::trainer
