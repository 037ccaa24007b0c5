// The checkpoints of a training as one rank sees them: when they are due, and which of their errors
// end the training. Rank 0 writes them (checkpoint_writer.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "task/channel.h"
#include "task/task.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/checkpoint_schedule.h"
#include "trainer/loop/checkpoint_writer.h"
#include "trainer/loop/settings.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// Used from the thread that trains.
class Checkpoints {
 public:
  // Of a training that is at `step` now. `resumed_step` is that of the checkpoint that it began
  // from; 0: none. All references outlive this.
  Checkpoints(const task::Task& task, const TrainSettings& settings, const Network& network,
              task::Channel& channel, int64_t step, int64_t resumed_step, int64_t now_ms);

  // Somebody wants one.
  void Ask() { schedule_.Ask(); }
  // Called after each step behind which one can be taken. Whether one is to begin, on rank 0; false
  // on all others.
  bool Due(int64_t step, int64_t now_ms);
  // Begins one, which is written while the training goes on. Every rank calls it, with a snapshot
  // that matters on rank 0 alone.
  void Begin(OptimizerSnapshot snapshot, const TrainState& state, const std::string& history,
             int64_t now_ms);
  // Waits for the one that is being written. An error is one that ends the training: a full disk
  // costs this checkpoint only, as long as there is an older one to resume from.
  Status Finish();
  // The same of one whose writing has ended in the meantime, without waiting.
  Status TakeError();

  // Step of the last one that this run has begun, the same on every rank; 0: none.
  int64_t begun() const { return begun_step_; }
  // Step of the newest that is there, as rank 0 alone knows it; 0: none.
  int64_t newest() const;

 private:
  Status FatalOf(const Status& status) const;

  const task::Task& task_;
  const int64_t resumed_step_;
  CheckpointSchedule schedule_;
  // Null on all ranks but 0.
  std::unique_ptr<CheckpointWriter> writer_;
  int64_t begun_step_ = 0;
};

}  // namespace braid::trainer
