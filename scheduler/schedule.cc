#include "scheduler/schedule.h"

#include <algorithm>

#include "base/text.h"
#include "scheduler/lease.h"
#include "scheduler/order.h"
#include "scheduler/placement.h"

namespace braid::scheduler {
namespace {

std::string SlotsText(const JobView& job) {
  return std::to_string(job.slots) + (job.device == "cuda" ? " GPU" : " CPU slot") + (job.slots == 1 ? "" : "s") +
         (job.ranks > 1 ? " for each of " + std::to_string(job.ranks) + " ranks" : "") +
         (job.site.empty() ? "" : " at site " + job.site);
}

// Why a job that was not placed waits.
Waiting Explain(const Snapshot& snapshot, size_t index) {
  const JobView& job = snapshot.jobs[index];
  const auto& workers = snapshot.workers;
  Waiting waiting{index, Reason::kNone, ""};
  const auto say = [&](Reason reason, std::string detail) {
    waiting.reason = reason;
    waiting.detail = std::move(detail);
    return waiting;
  };
  const auto count = [&](auto test) { return std::count_if(workers.begin(), workers.end(), test); };

  if (snapshot.recovering && count([](const WorkerView& w) { return w.connected; }) == 0) {
    return say(Reason::kRecoveringLeases, "the coordinator has just started and waits for its workers");
  }
  if (workers.empty()) return say(Reason::kNoMatchingWorker, "no worker has connected yet: start one with braid-worker");
  if (!job.site.empty() && count([&](const WorkerView& w) { return w.site == job.site && w.connected; }) == 0) {
    return say(Reason::kDataSiteOffline, "its data is at site " + job.site + ", and no worker of that site is connected");
  }
  if (count([&](const WorkerView& w) { return Matches(w, job); }) == 0) {
    return say(Reason::kUnschedulable, "no registered worker could ever run it: it needs " + SlotsText(job));
  }
  if (RanksThatFit(workers, job, /*empty=*/true) == 0) {
    const auto usable = [&](const WorkerView& w) { return Matches(w, job) && w.connected && w.admits; };
    if (count(usable) > 0) return say(Reason::kWorkerExcluded, "it failed on every worker that could run it");
    return say(Reason::kNoMatchingWorker, "no worker that could run it is connected and open: it needs " + SlotsText(job));
  }
  const int64_t fit = RanksThatFit(workers, job, /*empty=*/false);
  if (job.ranks > 1) {
    return say(Reason::kGangIncomplete, "room for " + std::to_string(std::min(fit, job.ranks)) + " of " +
                                            std::to_string(job.ranks) + " ranks now, " +
                                            std::to_string(RanksThatFit(workers, job, true)) + " at most");
  }
  return say(Reason::kWaitingCapacity, fit > 0 ? "the free slots are kept for a gang that comes before it"
                                               : "all matching slots are taken: it needs " + SlotsText(job));
}

void Take(std::vector<WorkerView>& workers, const JobView& job, const std::vector<size_t>& ranks) {
  for (const size_t w : ranks) (job.device == "cuda" ? workers[w].gpus_used : workers[w].cpu_used) += job.slots;
}

// The workers on which the gang will start once they are empty.
std::vector<size_t> Reserve(const std::vector<WorkerView>& workers, const JobView& job) {
  std::vector<WorkerView> empty = workers;
  for (WorkerView& worker : empty) worker.cpu_used = worker.gpus_used = 0;
  return Place(empty, job, {}).value_or(std::vector<size_t>());
}

// An exclusion is dropped when nobody else could ever run the job.
void RelaxExclusions(Snapshot& snapshot) {
  for (JobView& job : snapshot.jobs) {
    const bool others = std::any_of(snapshot.workers.begin(), snapshot.workers.end(), [&](const WorkerView& w) {
      return Matches(w, job) && !job.excluded.contains(w.id);
    });
    if (!others) job.excluded.clear();
  }
}

}  // namespace

std::string_view Name(Reason reason) {
  switch (reason) {
    case Reason::kNone: return "";
    case Reason::kWaitingParents: return "WAITING_PARENTS";
    case Reason::kWaitingCapacity: return "WAITING_CAPACITY";
    case Reason::kNoMatchingWorker: return "NO_MATCHING_WORKER";
    case Reason::kDataSiteOffline: return "DATA_SITE_OFFLINE";
    case Reason::kGangIncomplete: return "GANG_INCOMPLETE";
    case Reason::kBackoff: return "BACKOFF";
    case Reason::kWorkerExcluded: return "WORKER_EXCLUDED";
    case Reason::kUnschedulable: return "UNSCHEDULABLE";
    case Reason::kRecoveringLeases: return "RECOVERING_LEASES";
  }
  return "";
}

Plan Schedule(const Snapshot& given) {
  Snapshot snapshot = given;
  RelaxExclusions(snapshot);
  Plan plan;
  std::set<size_t> reserved;
  for (const size_t index : Order(snapshot)) {
    const JobView& job = snapshot.jobs[index];
    // A wait beyond the longest was noted before the wall clock was set back: it is over.
    if (job.not_before_ms > snapshot.now_ms && job.not_before_ms - snapshot.now_ms <= kMostBackoffMs) {
      plan.waiting.push_back({index, Reason::kBackoff, "tried again at " + FormatUtc(job.not_before_ms)});
      continue;
    }
    if (auto ranks = Place(snapshot.workers, job, reserved)) {
      Take(snapshot.workers, job, *ranks);
      plan.grants.push_back({index, std::move(*ranks)});
      continue;
    }
    plan.waiting.push_back(Explain(snapshot, index));
    if (job.ranks > 1 && reserved.empty()) {
      for (const size_t w : Reserve(snapshot.workers, job)) reserved.insert(w);
    }
  }
  return plan;
}

}  // namespace braid::scheduler
