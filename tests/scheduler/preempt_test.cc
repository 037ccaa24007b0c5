// Which running jobs are stopped for one of a higher priority.
#include "scheduler/preempt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "scheduler/placement.h"
#include "scheduler/schedule.h"

namespace braid::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// A cluster in which jobs run, and the plan for it.
class Cluster {
 public:
  void Worker(int64_t slots, const std::string& host = "h", const std::string& site = "a") {
    WorkerView worker;
    worker.id = "w" + std::to_string(snapshot.workers.size());
    worker.host = host;
    worker.site = site;
    worker.cpu_slots = slots;
    worker.connected = worker.admits = true;
    snapshot.workers.push_back(worker);
  }
  // A rank on each worker.
  RunningView& Runs(const std::string& name, int64_t priority, std::vector<size_t> workers,
                    int64_t unsaved = 0, int64_t slots = 1) {
    RunningView running;
    running.name = name;
    running.priority = priority;
    running.slots = slots;
    running.workers = std::move(workers);
    running.unsaved = unsaved;
    for (const size_t w : running.workers) snapshot.workers[w].cpu_used += slots;
    snapshot.running.push_back(running);
    return snapshot.running.back();
  }
  JobView& Waits(const std::string& name, int64_t priority, int64_t ranks = 1, int64_t slots = 1) {
    JobView job;
    job.name = name;
    job.kind = "train";
    job.run = name.substr(0, name.find('/'));
    job.submitted_wall_ms = static_cast<int64_t>(snapshot.jobs.size());
    job.priority = priority;
    job.ranks = ranks;
    job.slots = slots;
    snapshot.jobs.push_back(job);
    return snapshot.jobs.back();
  }
  // The names of what is stopped.
  std::vector<std::string> Stopped() const {
    std::vector<std::string> names;
    for (const Stop& stop : Schedule(snapshot).stops)
      names.push_back(snapshot.running[stop.running].name);
    return names;
  }
  std::string Why(const std::string& name) const {
    for (const Waiting& waiting : Schedule(snapshot).waiting) {
      if (snapshot.jobs[waiting.job].name == name)
        return NameOf(waiting.reason) + ": " + waiting.detail;
    }
    return "granted";
  }

  Snapshot snapshot;
};

TEST(PreemptTest, OneOfLowerPriorityIsStoppedAndNoneOfAnEqualOne) {
  Cluster cluster;
  cluster.Worker(2);
  cluster.Runs("r-1/a", 1, {0});
  cluster.Runs("r-2/a", 0, {0}).stops_until_wall_ms = 1'000;
  cluster.Waits("r-3/a", 1);
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a"));
  EXPECT_EQ(
      cluster.Why("r-3/a"),
      "PREEMPTING: it waits for r-2/a to stop, which is killed at 1970-01-01T00:00:01.000Z if "
      "it has not by then");
  cluster.snapshot.jobs[0].priority = 0;
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  EXPECT_EQ(cluster.Why("r-3/a"),
            "WAITING_CAPACITY: all matching slots are taken: it needs 1 CPU slot");
}

TEST(PreemptTest, WhatHoldsTheMemoryIsStopped) {
  Cluster cluster;
  cluster.Worker(3);
  cluster.snapshot.workers[0].memory_bytes = 8;
  cluster.snapshot.workers[0].memory_used = 7;
  cluster.Runs("r-1/small", 0, {0});
  cluster.Runs("r-2/large", 0, {0}).memory_bytes = 7;
  cluster.Waits("r-3/a", 1).memory_bytes = 4;
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/large"));
  // Also if the two compute on different devices.
  cluster.snapshot.workers[0].gpus = 1;
  cluster.snapshot.jobs[0].device = Device::kCuda;
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/large"));
  EXPECT_EQ(cluster.Why("r-3/a"), "PREEMPTING: it waits for r-2/large to stop");
  cluster.snapshot.workers[0].memory_used = 3;
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  EXPECT_EQ(cluster.Why("r-3/a"), "granted");
}

TEST(PreemptTest, OneThatHoldsTheMemoryMakesRoomForSeveral) {
  Cluster cluster;
  cluster.Worker(3);
  cluster.snapshot.workers[0].gpus = 1;
  cluster.snapshot.workers[0].memory_bytes = cluster.snapshot.workers[0].memory_used = 8;
  cluster.Runs("r-1/large", 0, {0}).memory_bytes = 8;
  cluster.Waits("r-2/a", 1).memory_bytes = 4;
  cluster.Waits("r-3/a", 1).memory_bytes = 4;
  for (const Device device : {Device::kCpu, Device::kCuda}) {
    cluster.snapshot.running[0].device = device;
    EXPECT_THAT(cluster.Stopped(), ElementsAre("r-1/large"));
    EXPECT_EQ(cluster.Why("r-2/a"), "PREEMPTING: it waits for r-1/large to stop");
    EXPECT_EQ(cluster.Why("r-3/a"), "PREEMPTING: it waits for r-1/large to stop");
    const PreemptibleSlots slots(cluster.snapshot.running);
    EXPECT_GE(slots.MostJobs(cluster.snapshot.jobs[0], 1), 2);
    EXPECT_EQ(slots.MostJobs(cluster.snapshot.jobs[0], 0), 0);
  }
}

TEST(PreemptTest, NobodyIsStoppedForARunThatDoesNotWantIt) {
  Cluster cluster;
  cluster.Worker(1);
  cluster.Runs("r-1/a", 0, {0});
  cluster.Waits("r-2/a", 5).preempts = false;
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  // Nor for a later one of the same demands, since the first would get the slot.
  cluster.Waits("r-3/a", 4);
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
}

TEST(PreemptTest, NobodyIsStoppedWhileThereIsRoom) {
  Cluster cluster;
  cluster.Worker(1);
  cluster.Worker(1);
  cluster.Runs("r-1/a", 0, {0});
  cluster.Waits("r-2/a", 5);
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  EXPECT_EQ(cluster.Why("r-2/a"), "granted");
}

TEST(PreemptTest, WhatIsStoppedAlreadyIsEnough) {
  Cluster cluster;
  cluster.Worker(2);
  cluster.Runs("r-1/a", 0, {0}).stopping = true;
  cluster.Runs("r-2/a", 0, {0});
  cluster.Waits("r-3/a", 1);
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  EXPECT_EQ(cluster.Why("r-3/a"), "PREEMPTING: it waits for r-1/a to stop");
  // The slot is promised to one of the two.
  cluster.Waits("r-4/a", 1);
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a"));
}

TEST(PreemptTest, TheLowestPriorityGoesFirstThenFewestThenTheLeastWork) {
  Cluster cluster;
  for (int i = 0; i < 3; ++i) cluster.Worker(2);
  cluster.Runs("r-1/two-slots", 1, {0}, 900, 2);
  cluster.Runs("r-2/a", 1, {1}, 1);
  cluster.Runs("r-3/a", 1, {1}, 2);
  cluster.Runs("r-4/a", 1, {2}, 3);
  cluster.Runs("r-5/a", 0, {2}, 4);
  cluster.Waits("r-6/narrow", 2);
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-5/a")) << "the lowest priority";
  cluster.snapshot.running[4].priority = 1;
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a")) << "the least work";
  cluster.snapshot.jobs[0].slots = 2;
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-1/two-slots")) << "one instead of two";
  cluster.snapshot.running[0].priority = 2;
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a", "r-3/a")) << "the least work of two";
}

TEST(PreemptTest, NobodyIsStoppedInVain) {
  Cluster cluster;
  cluster.Worker(1, "h");
  cluster.Worker(1, "i");  // does not reach the other
  cluster.Runs("r-1/a", 0, {0});
  cluster.Runs("r-2/a", 0, {1});
  cluster.Waits("r-3/gang", 1, 2);
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  cluster.snapshot.workers[1].host = "h";
  EXPECT_THAT(cluster.Stopped(), UnorderedElementsAre("r-1/a", "r-2/a"));
  cluster.snapshot.running[1].priority = 1;
  EXPECT_THAT(cluster.Stopped(), IsEmpty()) << "the other rank would find no room";
  cluster.snapshot.running[1].priority = 0;
  cluster.snapshot.workers[1].admits = false;
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
}

TEST(PreemptTest, GangsAreStoppedWholeAndOnlyThoseThatAreNeeded) {
  Cluster cluster;
  for (int i = 0; i < 3; ++i) cluster.Worker(1);
  cluster.Runs("r-1/gang", 0, {0, 1});
  cluster.Runs("r-2/a", 0, {2}, 1);
  cluster.Waits("r-3/gang", 1, 2);
  // Without r-1 there is no room for two, and with it none of r-2 is needed.
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-1/gang"));
  EXPECT_THAT(Schedule(cluster.snapshot).waiting[0].detail,
              ::testing::HasSubstr("waits for r-1/gang to stop"));
}

TEST(PreemptTest, AGangIsNotStoppedForOneSlotIfSomethingSmallerWillDo) {
  Cluster cluster;
  for (int i = 0; i < 3; ++i) cluster.Worker(2);
  cluster.Runs("r-1/gang", 0, {0, 1, 1});
  cluster.Runs("r-2/a", 0, {0}, 5);
  cluster.Runs("r-3/two-slots", 0, {2}, 0, 2);
  cluster.Waits("r-4/a", 1);
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a")) << "within a worker, and between workers";
}

TEST(PreemptTest, OfEqualsTheOneGoesThatWasStoppedLeastOftenBefore) {
  Cluster cluster;
  cluster.Worker(2);
  cluster.Worker(1);
  cluster.Runs("r-1/a", 0, {0}, 1).preemptions = 2;
  cluster.Runs("r-2/a", 0, {0}, 8).preemptions = 1;
  cluster.Runs("r-3/a", 0, {1}, 2).preemptions = 2;
  cluster.Waits("r-4/a", 1);
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a"));
  cluster.snapshot.running[1].preemptions = 3;
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-1/a"));
}

TEST(PreemptTest, OnlyWhereTheJobMayRun) {
  Cluster cluster;
  cluster.Worker(1);
  cluster.Runs("r-1/a", 0, {0});
  JobView& job = cluster.Waits("r-2/a", 1);
  WorkerView& worker = cluster.snapshot.workers[0];
  EXPECT_THAT(cluster.Stopped(), SizeIs(1));
  cluster.snapshot.running[0].device = Device::kCuda;
  EXPECT_THAT(cluster.Stopped(), IsEmpty()) << "it holds no CPU slot";
  cluster.snapshot.running[0].device = Device::kCpu;
  worker.quarantine = "it is sick";
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  worker.quarantine.clear();
  worker.disk_full = "it is full";
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  worker.disk_full.clear();
  worker.kinds = {"merge"};
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  worker.kinds.clear();
  job.site = "b";
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  job.site.clear();
  worker.connected = false;
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
}

// It comes back in a moment, or what it has is given up.
TEST(PreemptTest, WhatStopsOnAWorkerThatIsAwayForAMomentIsWaitedFor) {
  Cluster cluster;
  cluster.Worker(1);
  cluster.Worker(1);
  cluster.Runs("r-1/a", 0, {0}).stopping = true;
  cluster.Runs("r-2/a", 0, {1});
  cluster.Waits("r-3/a", 1);
  cluster.snapshot.workers[0].connected = false;
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a")) << "it is lost";
  cluster.snapshot.workers[0].disconnected = true;
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  EXPECT_EQ(cluster.Why("r-3/a"), "PREEMPTING: it waits for r-1/a to stop");
}

// What is free there is free for nobody now, on either device.
TEST(PreemptTest, OnlyWhatStopsOnSuchAWorkerIsWaitedFor) {
  Cluster cluster;
  cluster.Worker(2);
  cluster.Worker(1);
  WorkerView& away = cluster.snapshot.workers[0];
  away.gpus = away.gpus_used = 1;
  away.connected = false;
  away.disconnected = true;
  RunningView& stopping = cluster.Runs("r-1/a", 0, {0});
  stopping.stopping = true;
  stopping.device = Device::kCuda;
  away.cpu_used = 0;
  cluster.Runs("r-2/a", 0, {1});
  cluster.Waits("r-3/a", 1);
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a"));
  cluster.snapshot.jobs[0].device = Device::kCuda;
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  EXPECT_EQ(cluster.Why("r-3/a"), "PREEMPTING: it waits for r-1/a to stop");
}

TEST(PreemptTest, NobodyIsStoppedWhileWorkersAreComingBack) {
  Cluster cluster;
  cluster.Worker(1);
  cluster.Runs("r-1/a", 0, {0});
  cluster.Waits("r-2/a", 1);
  cluster.snapshot.recovering = true;
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  cluster.snapshot.recovering = false;
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-1/a"));
}

// It would get the slots, whatever else it demands, and not the one for which they were freed.
TEST(PreemptTest, NothingIsStoppedWhereAnEarlierJobWaitsThatStopsNothing) {
  Cluster cluster;
  cluster.Worker(1, "h", "a");
  cluster.Worker(1, "h", "b");
  cluster.Runs("r-1/a", 0, {0});
  cluster.Runs("r-2/a", 0, {1});
  JobView& patient = cluster.Waits("r-3/patient", 5);
  patient.preempts = false;
  patient.kind = "merge";
  patient.site = "a";
  cluster.Waits("r-4/a", 4);
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/a")) << "elsewhere";
  cluster.snapshot.jobs[0].site.clear();
  EXPECT_THAT(cluster.Stopped(), IsEmpty());
  cluster.snapshot.jobs[0].priority = 3;
  EXPECT_THAT(cluster.Stopped(), SizeIs(1)) << "it comes later";
}

// The smaller one loses less and comes first, but is of no use beside the larger one.
TEST(PreemptTest, WhatIsNotNeededInTheEndIsSpared) {
  Cluster cluster;
  cluster.Worker(3);
  cluster.Runs("r-1/small", 0, {0}, 1);
  cluster.Runs("r-2/large", 0, {0}, 5, 2);
  cluster.Waits("r-3/wide", 1, 1, 2);
  EXPECT_THAT(cluster.Stopped(), ElementsAre("r-2/large"));
}

TEST(PreemptTest, AGangAcrossHostsStopsWhatIsThereAndNothingElse) {
  Cluster cluster;
  for (int i = 0; i < 4; ++i) {
    cluster.Worker(1, "h" + std::to_string(i));
    cluster.Runs("r-" + std::to_string(i) + "/a", 0, {static_cast<size_t>(i)}, 10 - i);
  }
  for (const size_t i : {size_t{1}, size_t{3}}) {
    WorkerView& worker = cluster.snapshot.workers[i];
    worker.address = "10.0.0." + std::to_string(i);
    worker.tried["w" + std::to_string(4 - i)] = "";
  }
  cluster.Waits("r-9/gang", 1, 2);
  EXPECT_THAT(cluster.Stopped(), UnorderedElementsAre("r-1/a", "r-3/a"));
}

TEST(PreemptTest, TheSlotsAreKeptForWhomTheyAreFreed) {
  Cluster cluster;
  cluster.Worker(2);
  cluster.Runs("r-1/a", 0, {0}).stopping = true;  // its other slot is free
  cluster.Waits("r-2/gang", 1, 2);
  cluster.Waits("r-3/a", 0);
  const Plan plan = Schedule(cluster.snapshot);
  EXPECT_THAT(plan.grants, IsEmpty()) << "the free slot is kept for the gang";
  EXPECT_EQ(cluster.Why("r-3/a"),
            "WAITING_CAPACITY: all matching slots are taken: it needs 1 CPU slot");
}

TEST(PreemptTest, APassStopsABoundedNumber) {
  Cluster cluster;
  cluster.Worker(300);
  for (int i = 0; i < 300; ++i) {
    cluster.Runs("r-" + std::to_string(i) + "/a", 0, {0});
    cluster.Waits("s-" + std::to_string(i) + "/a", 1);
  }
  EXPECT_THAT(cluster.Stopped(), SizeIs(kMostStopsInAPass));
  const JobView job = cluster.snapshot.jobs[0];
  JobView on_gpu = job;
  on_gpu.device = Device::kCuda;
  EXPECT_EQ(PreemptibleSlots(cluster.snapshot.running).MostJobs(job, 1), 300);
  EXPECT_EQ(PreemptibleSlots(cluster.snapshot.running).MostJobs(job, 0), 0);
  EXPECT_EQ(PreemptibleSlots(cluster.snapshot.running).MostJobs(on_gpu, 1), 0);
  for (RunningView& one : cluster.snapshot.running) one.stopping = true;
  EXPECT_EQ(PreemptibleSlots(cluster.snapshot.running).MostJobs(job, 1), 300);
  EXPECT_EQ(cluster.Why("s-299/a").substr(0, 42), "PREEMPTING: it waits for r-0/a, r-1/a, r-1");
}

TEST(PreemptTest, AReservationOfAnEarlierJobIsRespected) {
  Cluster cluster;
  cluster.Worker(2, "h", "a");
  cluster.Runs("r-1/a", 1, {0});
  cluster.Runs("r-2/a", 0, {0});
  cluster.Waits("r-3/wide", 1, 1, 2).preempts = false;
  cluster.Waits("r-4/a", 1);
  EXPECT_THAT(cluster.Stopped(), IsEmpty()) << "the slot would be that of r-3/wide";
}

// A random cluster with what runs and waits there.
Cluster AnyCluster() {
  Cluster cluster;
  const int workers = *rc::gen::inRange(1, 5);
  for (int i = 0; i < workers; ++i) {
    cluster.Worker(*rc::gen::inRange(1, 4), *rc::gen::element<std::string>("h", "i"),
                   *rc::gen::element<std::string>("a", "b"));
    WorkerView& worker = cluster.snapshot.workers.back();
    worker.address = "10.0.0.1";
    for (int peer = 0; peer < workers; ++peer) {
      if (*rc::gen::inRange(0, 3) > 0) worker.tried["w" + std::to_string(peer)] = "";
    }
  }
  const int runs = *rc::gen::inRange(0, 8);
  for (int i = 0; i < runs; ++i) {
    const int64_t slots = *rc::gen::inRange(1, 3);
    std::vector<size_t> ranks;
    const int wanted = *rc::gen::inRange(1, 3);
    for (int rank = 0; rank < wanted; ++rank) {
      const auto w = static_cast<size_t>(*rc::gen::inRange(0, workers));
      const auto here = std::count(ranks.begin(), ranks.end(), w) + 1;
      if (cluster.snapshot.workers[w].Free(Device::kCpu) >= slots * here) ranks.push_back(w);
    }
    if (ranks.empty()) continue;
    cluster.Runs("r-" + std::to_string(i) + "/a", *rc::gen::inRange(0, 3), ranks,
                 *rc::gen::inRange(0, 9), slots);
    cluster.snapshot.running.back().stopping = *rc::gen::inRange(0, 4) == 0;
  }
  // Half of them are full, and one job waits: most stops are of such.
  const bool is_full = *rc::gen::inRange(0, 2) == 0;
  for (size_t w = 0; is_full && w < cluster.snapshot.workers.size(); ++w) {
    for (int i = 0; cluster.snapshot.workers[w].Free(Device::kCpu) > 0; ++i) {
      cluster.Runs("f-" + std::to_string(w) + "-" + std::to_string(i) + "/a",
                   *rc::gen::inRange(0, 3), {w}, *rc::gen::inRange(0, 9));
    }
  }
  const int jobs = is_full ? 1 : *rc::gen::inRange(0, 6);
  for (int i = 0; i < jobs; ++i) {
    JobView& job = cluster.Waits("s-" + std::to_string(i) + "/a", *rc::gen::inRange(0, 3),
                                 *rc::gen::inRange(1, 3), *rc::gen::inRange(1, 3));
    job.preempts = *rc::gen::inRange(0, 4) > 0;
    job.site = *rc::gen::element<std::string>("", "", "a");
  }
  return cluster;
}

// The names of the jobs that are granted slots.
std::set<std::string> Granted(const Snapshot& snapshot) {
  std::set<std::string> names;
  for (const Grant& grant : Schedule(snapshot).grants) names.insert(snapshot.jobs[grant.job].name);
  return names;
}

TEST(PreemptTest, WhatIsStoppedIsOfLowerPriorityEnoughAndNeeded) {
  int stops = 0;
  EXPECT_TRUE(rc::check("", [&] {
    Snapshot snapshot = AnyCluster().snapshot;
    const Plan plan = Schedule(snapshot);
    std::set<size_t> stopped;
    for (const Stop& stop : plan.stops) {
      RunningView& running = snapshot.running[stop.running];
      RC_ASSERT(stopped.insert(stop.running).second);
      RC_ASSERT(!running.stopping);
      RC_ASSERT(running.priority < snapshot.jobs[stop.job].priority);
      RC_ASSERT(snapshot.jobs[stop.job].preempts);
      running.stopping = true;
    }
    // Grants change the shares of users, and with them the order of the next pass.
    if (!plan.grants.empty()) return;
    // The next pass stops nobody else. Once everything has ended that is being stopped, the job
    // runs for which it was.
    const Plan next = Schedule(snapshot);
    std::set<std::string> promised;
    bool is_gang = false;
    for (const Waiting& waiting : next.waiting) {
      if (waiting.reason != Reason::kPreempting) continue;
      promised.insert(snapshot.jobs[waiting.job].name);
      is_gang = is_gang || snapshot.jobs[waiting.job].ranks > 1;
    }
    const auto all_run = [&](const Snapshot& later) {
      const std::set<std::string> granted = Granted(later);
      return std::includes(granted.begin(), granted.end(), promised.begin(), promised.end());
    };
    Snapshot later = snapshot;
    for (const RunningView& running : snapshot.running) {
      if (!running.stopping) continue;
      for (const size_t w : running.workers) later.workers[w].cpu_used -= running.slots;
    }
    later.running.clear();
    // Of several, each is given the best room that there is in its turn, which changes what is best
    // for the others.
    if (promised.size() > 1) return;
    RC_ASSERT(next.stops.empty());
    // In the turn of others that wait, too, the room may become another one.
    if (snapshot.jobs.size() > 1) return;
    stops += static_cast<int>(stopped.size());
    RC_ASSERT(all_run(later));
    // If any of those that were stopped had gone on, it would not run. (A gang may find room on
    // other hosts than those that were freed for it.)
    if (is_gang) return;
    for (const size_t spared : stopped) {
      Snapshot without = later;
      const RunningView& running = snapshot.running[spared];
      for (const size_t w : running.workers) without.workers[w].cpu_used += running.slots;
      RC_ASSERT(!all_run(without));
    }
  }));
  EXPECT_GT(stops, 0);
}

}  // namespace
}  // namespace braid::scheduler
