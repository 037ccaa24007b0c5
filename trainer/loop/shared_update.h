// The update of ranks that have their weights in common.
#pragma once

#include <memory>

#include "base/status.h"
#include "task/task.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/settings.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {

// Ranks of one host that make the same updates have weights and state in common, once, and each
// updates a part. The references outlive this.
class SharedUpdate {
 public:
  // Lets the optimizer update this rank's part of the `size` elements of the flat buffers from here
  // on; null if the ranks have no memory in common, or must not: ranks that train by themselves, or
  // make a mean of their weights. All ranks call it together. Errors are those of their
  // communication.
  static Result<std::unique_ptr<SharedUpdate>> Begin(const task::Task& task,
                                                     const TrainSettings& settings, int64_t size,
                                                     Collective& collective, Optimizer& optimizer);

  // What this rank updates.
  const Piece& part() const { return part_; }
  // Waits for the parts of the others. Errors are those of the communication within the update, of
  // which the optimizer has no status to return, and of waiting.
  Status Finish();

 private:
  SharedUpdate(Collective& collective, Piece part) : collective_(collective), part_(part) {}

  Collective& collective_;
  const Piece part_;
  Status status_ = OkStatus();
};

}  // namespace braid::trainer
