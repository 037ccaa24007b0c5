// The forward and backward pass of this rank's rows of a micro-batch, as a training does it.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "task/task.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/data_loader.h"
#include "trainer/loop/settings.h"
#include "trainer/loop/step_record.h"
#include "trainer/loop/teachers.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// All references outlive this. Not thread-safe.
class MicroBatchPass {
 public:
  // `teachers` may be null. Ranks that do not train by themselves share the load of routers from
  // here on: their passes wait for one another.
  MicroBatchPass(const task::Task& task, const TrainSettings& settings, Network& network,
                 Collective& collective, Teachers* teachers);

  // Adds the gradient of the micro-batch, as one of those of `place`, the data of step `step`
  // (counted from 0); and what was measured of it to the sums. Errors are those of the ranks'
  // communication, and of reading the teachers.
  Status AddGradient(const MicroBatch& batch, const StepPlace& place, int64_t step,
                     StepRecord::Sums* sums);

 private:
  void ShareRouterLoad();

  const task::Task& task_;
  const TrainSettings& settings_;
  Network& network_;
  Collective& collective_;
  Teachers* const teachers_;
  // Result of the collective operations within a backward pass, which has no status of its own to
  // return.
  Status gang_status_ = OkStatus();
};

}  // namespace braid::trainer
