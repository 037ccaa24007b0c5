#include "trainer/loop/shared_update.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"

namespace braid::trainer {

Result<std::unique_ptr<SharedUpdate>> SharedUpdate::Begin(const task::Task& task,
                                                          const TrainSettings& settings,
                                                          int64_t size, Collective& collective,
                                                          Optimizer& optimizer) {
  // A mean of the weights is made by every rank at its own pace, from weights that no other one
  // touches.
  if (task.world == 1 || settings.outer_steps || settings.average.last > 0)
    return std::unique_ptr<SharedUpdate>();
  BRAID_ASSIGN_OR_RETURN(const bool shared, collective.ShareValues(optimizer.SharedBuffers()));
  if (!shared) return std::unique_ptr<SharedUpdate>();
  UpdatePart part = PartOfRank(task.rank, task.world, size);
  std::unique_ptr<SharedUpdate> update(new SharedUpdate(collective, {part.begin, part.end}));
  part.add_up = [own = update.get()](std::vector<double>* values) {
    if (own->status_.ok())
      own->status_ = own->collective_.AllReduce(values->data(), std::ssize(*values));
    // The norm is not finite then, and no weight changes.
    if (!own->status_.ok())
      std::fill(values->begin(), values->end(), std::numeric_limits<double>::quiet_NaN());
  };
  Log(LogLevel::kInfo, task.job,
      Format("rank %lld updates elements %lld to %lld of the weights, which ranks of this host "
             "have in common",
             (long long)task.rank, (long long)part.begin, (long long)part.end));
  optimizer.UpdateOnly(std::move(part));
  return update;
}

Status SharedUpdate::Finish() {
  BRAID_RETURN_IF_ERROR(status_);
  return collective_.Barrier();
}

}  // namespace braid::trainer
