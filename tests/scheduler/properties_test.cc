// Properties of the pure scheduling pass on random clusters and queues (the whole life of runs: tests/coordinator).
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>

#include "scheduler/placement.h"
#include "scheduler/schedule.h"

namespace braid::scheduler {
namespace {

Snapshot AnySnapshot() {
  Snapshot snapshot;
  snapshot.now_ms = 100;
  const int workers = *rc::gen::inRange(0, 6);
  for (int i = 0; i < workers; ++i) {
    WorkerView w;
    w.id = "w" + std::to_string(i);
    w.site = *rc::gen::element<std::string>("a", "b");
    w.cpu_slots = *rc::gen::inRange(0, 5);
    w.gpus = *rc::gen::inRange(0, 3);
    w.cpu_used = *rc::gen::inRange<int64_t>(0, w.cpu_slots + 1);
    w.gpus_used = *rc::gen::inRange<int64_t>(0, w.gpus + 1);
    w.connected = *rc::gen::inRange(0, 5) > 0;
    w.admits = *rc::gen::inRange(0, 5) > 0;
    if (*rc::gen::inRange(0, 5) == 0) w.kinds = {"train"};
    snapshot.workers.push_back(w);
  }
  const int jobs = *rc::gen::inRange(0, 10);
  for (int i = 0; i < jobs; ++i) {
    JobView j;
    j.name = "j" + std::to_string(i);
    j.kind = *rc::gen::element<std::string>("train", "merge");
    j.ranks = *rc::gen::inRange(1, 4);
    j.slots = *rc::gen::inRange(1, 3);
    j.device = *rc::gen::element<std::string>("cpu", "cpu", "cuda");
    j.site = *rc::gen::element<std::string>("", "", "a", "b");
    j.not_before_ms = *rc::gen::element<int64_t>(0, 0, 101);
    j.path_cost = *rc::gen::inRange(0, 4);
    j.submitted_seq = i;
    if (*rc::gen::inRange(0, 4) == 0) j.excluded = {"w0"};
    snapshot.jobs.push_back(j);
  }
  return snapshot;
}

void Check(const std::function<void()>& property) { EXPECT_TRUE(rc::check("", property)); }

TEST(SchedulePropertiesTest, LeasesNeverExceedSlots) {
  Check([] {
    const Snapshot snapshot = AnySnapshot();
    std::map<size_t, int64_t> cpu, gpu;
    for (const Grant& grant : Schedule(snapshot).grants) {
      const JobView& job = snapshot.jobs[grant.job];
      for (const size_t w : grant.workers) (job.device == "cuda" ? gpu : cpu)[w] += job.slots;
    }
    for (size_t w = 0; w < snapshot.workers.size(); ++w) {
      RC_ASSERT(snapshot.workers[w].cpu_used + cpu[w] <= snapshot.workers[w].cpu_slots);
      RC_ASSERT(snapshot.workers[w].gpus_used + gpu[w] <= snapshot.workers[w].gpus);
    }
  });
}

TEST(SchedulePropertiesTest, EveryJobIsGrantedWholeOrHasAReason) {
  Check([] {
    const Snapshot snapshot = AnySnapshot();
    const Plan plan = Schedule(snapshot);
    std::set<size_t> seen;
    for (const Grant& grant : plan.grants) {
      RC_ASSERT(seen.insert(grant.job).second);
      RC_ASSERT(static_cast<int64_t>(grant.workers.size()) == snapshot.jobs[grant.job].ranks);
      for (const size_t w : grant.workers) {
        const WorkerView& worker = snapshot.workers[w];
        RC_ASSERT(worker.connected && worker.admits && Matches(worker, snapshot.jobs[grant.job]));
        RC_ASSERT(worker.site == snapshot.workers[grant.workers[0]].site);
      }
    }
    for (const Waiting& waiting : plan.waiting) {
      RC_ASSERT(seen.insert(waiting.job).second);
      RC_ASSERT(waiting.reason != Reason::kNone);
      RC_ASSERT(!waiting.detail.empty());
    }
    RC_ASSERT(seen.size() == snapshot.jobs.size());
  });
}

TEST(SchedulePropertiesTest, AFreeSlotIsNotLeftWhileAJobForItWaits) {
  Check([] {
    Snapshot snapshot = AnySnapshot();
    for (JobView& job : snapshot.jobs) job.ranks = 1;  // gangs may keep slots
    const Plan plan = Schedule(snapshot);
    for (const Grant& grant : plan.grants) {
      const JobView& job = snapshot.jobs[grant.job];
      for (const size_t w : grant.workers) {
        (job.device == "cuda" ? snapshot.workers[w].gpus_used : snapshot.workers[w].cpu_used) += job.slots;
      }
    }
    for (const Waiting& waiting : plan.waiting) {
      if (waiting.reason == Reason::kBackoff) continue;
      JobView job = snapshot.jobs[waiting.job];
      RC_ASSERT(!Place(snapshot.workers, job, {}).has_value() || waiting.reason == Reason::kWorkerExcluded);
    }
  });
}

TEST(SchedulePropertiesTest, OnAnEmptyClusterTheFirstGangThatCanEverFitIsGranted) {
  Check([] {
    Snapshot snapshot = AnySnapshot();
    for (WorkerView& worker : snapshot.workers) worker.cpu_used = worker.gpus_used = 0;
    for (JobView& job : snapshot.jobs) {
      job.not_before_ms = 0;
      job.excluded.clear();
    }
    bool possible = false;
    for (const JobView& job : snapshot.jobs) possible |= Place(snapshot.workers, job, {}).has_value();
    RC_ASSERT(!possible || !Schedule(snapshot).grants.empty());
  });
}

TEST(SchedulePropertiesTest, TheSameSnapshotGivesTheSamePlan) {
  Check([] {
    const Snapshot snapshot = AnySnapshot();
    const Plan first = Schedule(snapshot);
    const Plan second = Schedule(snapshot);
    RC_ASSERT(first.grants.size() == second.grants.size());
    for (size_t i = 0; i < first.grants.size(); ++i) {
      RC_ASSERT(first.grants[i].job == second.grants[i].job);
      RC_ASSERT(first.grants[i].workers == second.grants[i].workers);
    }
  });
}

}  // namespace
}  // namespace braid::scheduler
