#include "coordinator/core/job_queue.h"

namespace braid::coordinator {

void JobQueue::Add(const catalog::JobRecord& job, const catalog::RunRecord& run, double cost) {
  costs_.emplace(job.key, cost);
  if (IsSingle(job)) {
    singles_.insert(job.key);
    return;
  }
  Group& group = groups_[job];
  group.lines[{run.priority, run.user, run.preempts}].insert(
      {run.created_ms, run.id, cost, job.position, job.key.job});
  ++group.jobs;
}

void JobQueue::Remove(const catalog::JobRecord& job, const catalog::RunRecord& run) {
  const auto known = costs_.find(job.key);
  if (known == costs_.end()) return;
  const double cost = known->second;
  costs_.erase(known);
  if (singles_.erase(job.key) > 0) return;
  const auto group = groups_.find(job);
  const auto line = group->second.lines.find({run.priority, run.user, run.preempts});
  line->second.erase({run.created_ms, run.id, cost, job.position, job.key.job});
  if (line->second.empty()) group->second.lines.erase(line);
  if (--group->second.jobs == 0) groups_.erase(group);
}

}  // namespace braid::coordinator
