#include "scheduler/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "scheduler/critical_path.h"
#include "scheduler/placement.h"

namespace braid::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

WorkerView Worker(const std::string& id, int64_t slots, int64_t used = 0,
                  const std::string& site = "local") {
  WorkerView worker;
  worker.id = id;
  worker.site = site;
  worker.cpu_slots = slots;
  worker.cpu_used = used;
  worker.connected = true;
  worker.admits = true;
  return worker;
}

JobView Job(const std::string& name, double cost, int64_t ranks = 1, int64_t slots = 1) {
  JobView job;
  job.name = name;
  job.kind = "train";
  job.path_cost = cost;
  job.ranks = ranks;
  job.slots = slots;
  return job;
}

Reason OnlyReason(const Plan& plan) {
  return plan.waiting.size() == 1 ? plan.waiting[0].reason : Reason::kNone;
}

TEST(ScheduleTest, TheLongestWayToTheEndGoesFirst) {
  const Plan plan = Schedule({{Worker("w1", 1)}, {Job("short", 1), Job("long", 9)}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u);
  EXPECT_EQ(OnlyReason(plan), Reason::kWaitingCapacity);
}

// What a run of another user asks for.
JobView Of(const std::string& run, int64_t submitted, const std::string& user, double cost,
           int64_t priority = 0) {
  JobView job = Job(run + "/j", cost);
  job.run = run;
  job.submitted_wall_ms = submitted;
  job.user = user;
  job.priority = priority;
  return job;
}

size_t FirstGranted(const Snapshot& snapshot) {
  const Plan plan = Schedule(snapshot);
  return plan.grants.empty() ? snapshot.jobs.size() : plan.grants[0].job;
}

TEST(ScheduleTest, ALaterRunDoesNotOvertakeHoweverCostlyItIs) {
  // The smaller jobs of the first run wait for the first run alone.
  EXPECT_EQ(FirstGranted(
                {{Worker("w1", 1)}, {Of("r2", 2, "ann", 1e18), Of("r1", 1, "ann", 1e6)}, 0, false}),
            1u);
}

TEST(ScheduleTest, APriorityGoesBeforeAgeAndShare) {
  Snapshot snapshot{{Worker("w1", 2, 1)},
                    {Of("r1", 1, "ann", 1), Of("r2", 2, "bob", 1, /*priority=*/1)},
                    0,
                    false};
  snapshot.held["bob"] = {1, 0};
  EXPECT_EQ(FirstGranted(snapshot), 1u);
  snapshot.jobs[1].priority = -1;
  EXPECT_EQ(FirstGranted(snapshot), 0u);
}

TEST(ScheduleTest, UsersWhoHoldLessGoFirst) {
  Snapshot snapshot{
      {Worker("w1", 3, 1)},
      {Of("r1", 1, "ann", 1), Of("r2", 2, "ann", 1), Of("r3", 3, "bob", 1), Of("r4", 4, "bob", 1)},
      0,
      false};
  snapshot.held["ann"] = {1, 0};
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 2u);
  EXPECT_EQ(plan.grants[0].job, 2u) << "bob has nothing yet";
  EXPECT_EQ(plan.grants[1].job, 0u) << "now both hold one slot, and ann was first";
}

TEST(ScheduleTest, ASharedGpuCountsAsMuchAsItIsOfAllGpus) {
  Snapshot snapshot{
      {Worker("w1", 100, 10)}, {Of("r1", 1, "ann", 1), Of("r2", 2, "bob", 1)}, 0, false};
  snapshot.workers[0].gpus = 2;
  snapshot.held["ann"] = {0, 1};   // half of the GPUs
  snapshot.held["bob"] = {10, 0};  // a tenth of the cores
  EXPECT_EQ(FirstGranted(snapshot), 1u);
}

TEST(ScheduleTest, AWideJobIsNotStarvedByNarrowOnes) {
  const Plan plan = Schedule(
      {{Worker("w1", 2, 1)}, {Job("wide", 9, 1, 2), Job("narrow", 1)}, 0, false});
  EXPECT_TRUE(plan.grants.empty());
  EXPECT_THAT(plan.waiting[1].detail,
              HasSubstr("kept for a gang or a wider job that comes before it"));
}

TEST(ScheduleTest, SlotsThatAreKeptAreThoseOfOneDevice) {
  JobView gpus = Job("gpus", 9, 1, 2);
  gpus.device = Device::kCuda;
  WorkerView worker = Worker("w1", 1);
  worker.gpus = 2;
  worker.gpus_used = 1;
  const Plan plan = Schedule({{worker}, {gpus, Job("cpu", 1)}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u);
}

// Two hosts with one free slot each, that have not tried each other.
Snapshot TwoHosts(Device device = Device::kCpu) {
  Snapshot snapshot{{Worker("w1", 1), Worker("w2", 1)}, {Job("gang", 9, 2)}, 0, false};
  snapshot.jobs[0].device = device;
  for (WorkerView& worker : snapshot.workers) {
    worker.gpus = 1;
    worker.host = "host of " + worker.id;
    worker.address = "10.0.0." + worker.id.substr(1);
  }
  return snapshot;
}

void ReachEachOther(std::vector<WorkerView>* workers) {
  for (WorkerView& from : *workers) {
    for (const WorkerView& to : *workers) from.tried[to.id] = "";
  }
}

TEST(ScheduleTest, AGangMeetsAcrossHostsThatHaveReachedEachOther) {
  for (const Device device : {Device::kCpu, Device::kCuda}) {
    Snapshot snapshot = TwoHosts(device);
    Plan plan = Schedule(snapshot);
    EXPECT_TRUE(plan.grants.empty());
    EXPECT_EQ(OnlyReason(plan), Reason::kGangIncomplete);
    EXPECT_EQ(plan.waiting[0].detail,
              "room for 1 of 2 ranks now, 1 at most on workers that can reach each other: w1 has "
              "not tried to reach w2 yet");
    snapshot.workers[0].tried["w2"] = "";
    snapshot.workers[1].tried["w1"] = "10.0.0.1 port 7: No route to host";
    plan = Schedule(snapshot);
    EXPECT_TRUE(plan.grants.empty()) << "one way is not enough";
    EXPECT_THAT(plan.waiting[0].detail,
                HasSubstr(": w2 cannot reach w1 at 10.0.0.1 port 7: No route to host"));
    snapshot.workers[1].tried["w1"] = "";
    EXPECT_THAT(Schedule(snapshot).grants.at(0).workers, ElementsAre(0, 1));
  }
}

TEST(ScheduleTest, AGangThatWaitsForHostsSaysWhatWouldHelp) {
  Snapshot snapshot = TwoHosts();
  ReachEachOther(&snapshot.workers);
  snapshot.workers[1].address.clear();
  EXPECT_THAT(Schedule(snapshot).waiting.at(0).detail,
              HasSubstr(": w2 advertises no address: start it with --advertise"));
  for (WorkerView& worker : snapshot.workers) worker.site.clear();
  EXPECT_THAT(Schedule(snapshot).waiting.at(0).detail,
              HasSubstr(": w1 and w2 have no site: start them with the same --site"));
  snapshot.workers[1].site = "far";
  EXPECT_THAT(Schedule(snapshot).waiting.at(0).detail,
              HasSubstr(": w1 is at site \"\" and w2 at site far, and the ranks of a job stay "
                        "within one site unless its recipe says joint.across_sites: true"));
  snapshot.jobs[0].ranks = 3;
  EXPECT_THAT(Schedule(snapshot).waiting.at(0).detail,
              HasSubstr("reach each other (and too few on all workers together): w1 is at site"));
  snapshot.workers.pop_back();
  EXPECT_EQ(Schedule(snapshot).waiting.at(0).detail,
            "room for 1 of 3 ranks now, 1 at most: its workers need more slots, or it needs more "
            "workers");
}

TEST(ScheduleTest, AGangLeavesItsSiteIfTheRecipeSaysSoAndTheHostsReachEachOther) {
  Snapshot snapshot = TwoHosts();
  ReachEachOther(&snapshot.workers);
  snapshot.workers[1].site = "far";
  EXPECT_TRUE(Schedule(snapshot).grants.empty());
  snapshot.jobs[0].across_sites = true;
  EXPECT_THAT(Schedule(snapshot).grants.at(0).workers, ElementsAre(0, 1));
  snapshot.workers[1].tried.clear();
  EXPECT_TRUE(Schedule(snapshot).grants.empty());
}

TEST(ScheduleTest, AGangPrefersOneHostAndLeavesItIfItMust) {
  for (const Device device : {Device::kCpu, Device::kCuda}) {
    Snapshot snapshot = TwoHosts(device);
    snapshot.workers.push_back(Worker("w3", 1));
    snapshot.workers[2].gpus = 1;
    snapshot.workers[2].host = "host of w2";
    snapshot.workers[2].address = "10.0.0.2";
    ReachEachOther(&snapshot.workers);
    EXPECT_THAT(Schedule(snapshot).grants.at(0).workers, ElementsAre(1, 2));
    snapshot.workers[2].gpus_used = snapshot.workers[2].cpu_used = 1;
    EXPECT_THAT(Schedule(snapshot).grants.at(0).workers, ElementsAre(0, 1));
  }
}

TEST(ScheduleTest, SlotsAreKeptOnHostsThatReachEachOther) {
  // The gang needs two hosts; w3 reaches nobody, so that its slot is of no use to it.
  Snapshot snapshot = TwoHosts();
  snapshot.jobs.push_back(Job("small", 1));
  snapshot.workers[0].cpu_used = 1;
  ReachEachOther(&snapshot.workers);
  EXPECT_TRUE(Schedule(snapshot).grants.empty());
  snapshot.workers.push_back(Worker("w3", 1));
  snapshot.workers[2].host = "host of w3";
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_THAT(plan.grants[0].workers, ElementsAre(2));
}

TEST(ScheduleTest, AnExclusionIsDroppedWhereTheGangWouldNeverFitOtherwise) {
  JobView gang = Job("gang", 9, 2);
  gang.excluded = {"w1"};
  Snapshot snapshot{{Worker("w1", 2), Worker("w2", 1)}, {gang}, 0, false};
  snapshot.workers[0].host = "one";
  snapshot.workers[1].host = "two";
  EXPECT_THAT(Schedule(snapshot).grants[0].workers, ElementsAre(0, 0));
}

TEST(ScheduleTest, NothingIsPlacedOnAFullDiskAndTheLineSaysSo) {
  Snapshot snapshot{{Worker("w1", 2)}, {Job("j", 1)}, 0, false};
  snapshot.workers[0].disk_full = "the disk of worker w1 is full (/data, 0 B free)";
  Plan plan = Schedule(snapshot);
  EXPECT_EQ(OnlyReason(plan), Reason::kDiskFull);
  EXPECT_EQ(plan.waiting[0].detail, "the disk of worker w1 is full (/data, 0 B free)");
  snapshot.workers.push_back(Worker("w2", 1));
  EXPECT_THAT(Schedule(snapshot).grants[0].workers, ElementsAre(1));
  snapshot.workers[1].cpu_used = 1;
  plan = Schedule(snapshot);
  EXPECT_EQ(OnlyReason(plan), Reason::kWaitingCapacity);
  EXPECT_THAT(plan.waiting[0].detail, HasSubstr("the disk of worker w1 is full"));
}

TEST(ScheduleTest, ABackOffSaysWhatHappened) {
  JobView later = Job("j", 1);
  later.not_before_ms = 1000;
  later.last_failure = "fetching x: not found (on w1)";
  EXPECT_THAT(Schedule({{Worker("w1", 1)}, {later}, 999, false}).waiting[0].detail,
              HasSubstr("last time: fetching x: not found (on w1)"));
}

TEST(ScheduleTest, AGangStartsWholeOrNotAtAll) {
  Snapshot snapshot{{Worker("w1", 1), Worker("w2", 1, 1)}, {Job("gang", 9, 2)}, 0, false};
  Plan plan = Schedule(snapshot);
  EXPECT_TRUE(plan.grants.empty());
  EXPECT_EQ(OnlyReason(plan), Reason::kGangIncomplete);
  EXPECT_THAT(plan.waiting[0].detail, HasSubstr("room for 1 of 2 ranks now, 2 at most"));
  snapshot.workers[1].cpu_used = 0;
  plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_THAT(plan.grants[0].workers, ElementsAre(0, 1));
}

TEST(ScheduleTest, AWaitingGangIsNotStarvedBySmallJobs) {
  const Plan plan = Schedule(
      {{Worker("w1", 1), Worker("w2", 1, 1)}, {Job("gang", 9, 2), Job("small", 1)}, 0, false});
  EXPECT_TRUE(plan.grants.empty());
  EXPECT_THAT(plan.waiting[1].detail, HasSubstr("kept for a gang"));
}

TEST(ScheduleTest, AGangWaitsWhereTheMostOfItFitsAlready) {
  // Either host could hold it; the second has a free slot, which a small job must not take.
  std::vector<WorkerView> workers = {Worker("w1", 2, 2), Worker("w2", 2, 1)};
  workers[0].host = "a";
  workers[1].host = "b";
  Plan plan = Schedule({workers, {Job("gang", 9, 2), Job("small", 1)}, 0, false});
  EXPECT_TRUE(plan.grants.empty());
  // The slots of the other host are nobody's.
  workers[0].cpu_used = 1;
  workers.push_back(Worker("w3", 1));
  workers[2].host = "c";
  plan = Schedule({workers, {Job("gang", 9, 2), Job("small", 1)}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u);
}

TEST(ScheduleTest, WithinAHostAGangWaitsForTheWorkersThatAreFree) {
  // Two of three would do: the small job gets a slot of the one that is not needed.
  std::vector<WorkerView> workers = {Worker("w1", 1, 1), Worker("w2", 1, 1), Worker("w3", 1, 0),
                                     Worker("w4", 1, 1)};
  Plan plan = Schedule({workers, {Job("gang", 9, 2), Job("small", 1)}, 0, false});
  EXPECT_TRUE(plan.grants.empty()) << "w3 is kept";
}

TEST(ScheduleTest, WhatIsBeforeTheGangMayTakeItsSlots) {
  const Plan plan = Schedule(
      {{Worker("w1", 1), Worker("w2", 1, 1)}, {Job("gang", 1, 2), Job("first", 9)}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u);
}

TEST(ScheduleTest, AGangThatCanNeverFitReservesNothing) {
  const Plan plan = Schedule({{Worker("w1", 1)}, {Job("gang", 9, 3), Job("small", 1)}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u);
}

TEST(ScheduleTest, AGangStaysInsideOneSite) {
  const Plan plan = Schedule(
      {{Worker("w1", 1, 0, "a"), Worker("w2", 1, 0, "b")}, {Job("gang", 9, 2)}, 0, false});
  EXPECT_TRUE(plan.grants.empty());
  EXPECT_EQ(OnlyReason(plan), Reason::kGangIncomplete);
}

TEST(ScheduleTest, PrefersTheWorkerThatHasTheInputs) {
  WorkerView warm = Worker("w2", 1);
  warm.cached = std::make_shared<const std::set<std::string>>(std::set<std::string>{"shards"});
  JobView job = Job("j", 1);
  job.inputs = {"shards"};
  const Plan plan = Schedule({{Worker("w1", 4), warm}, {job}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_THAT(plan.grants[0].workers, ElementsAre(1));
}

TEST(ScheduleTest, PrefersAnotherWorkerAfterAFailureButUsesTheSameIfItIsAlone) {
  JobView job = Job("j", 1);
  job.avoid = "w1";
  EXPECT_THAT(Schedule({{Worker("w1", 4), Worker("w2", 1)}, {job}, 0, false}).grants[0].workers,
              ElementsAre(1));
  EXPECT_THAT(Schedule({{Worker("w1", 4)}, {job}, 0, false}).grants[0].workers, ElementsAre(0));
}

TEST(ScheduleTest, GivesAReasonForEachWayOfWaiting) {
  EXPECT_EQ(OnlyReason(Schedule({{}, {Job("j", 1)}, 0, false})), Reason::kNoMatchingWorker);
  EXPECT_EQ(OnlyReason(Schedule({{}, {Job("j", 1)}, 0, true})), Reason::kRecoveringLeases);
  EXPECT_EQ(OnlyReason(Schedule({{Worker("w1", 1)}, {Job("j", 1, 1, 2)}, 0, false})),
            Reason::kUnschedulable);

  JobView later = Job("j", 1);
  later.not_before_ms = 1000;
  EXPECT_EQ(OnlyReason(Schedule({{Worker("w1", 1)}, {later}, 999, false})), Reason::kBackoff);
  EXPECT_EQ(Schedule({{Worker("w1", 1)}, {later}, 1000, false}).grants.size(), 1u);

  JobView bound = Job("j", 1);
  bound.site = "helsinki";
  EXPECT_EQ(OnlyReason(Schedule({{Worker("w1", 1)}, {bound}, 0, false})), Reason::kDataSiteOffline);

  WorkerView closed = Worker("w1", 1);
  closed.admits = false;
  EXPECT_EQ(OnlyReason(Schedule({{closed}, {Job("j", 1)}, 0, false})), Reason::kNoMatchingWorker);

  JobView excluded = Job("j", 1);
  excluded.excluded = {"w1"};
  WorkerView away = Worker("w2", 1);
  away.connected = false;
  EXPECT_EQ(OnlyReason(Schedule({{Worker("w1", 1), away}, {excluded}, 0, false})),
            Reason::kWorkerExcluded);
  EXPECT_EQ(Schedule({{Worker("w1", 1)}, {excluded}, 0, false}).grants.size(), 1u)
      << "nobody else could ever run it";

  JobView gpu = Job("j", 1);
  gpu.device = Device::kCuda;
  const Plan plan = Schedule({{Worker("w1", 1)}, {gpu}, 0, false});
  EXPECT_EQ(OnlyReason(plan), Reason::kUnschedulable);
  EXPECT_THAT(plan.waiting[0].detail, HasSubstr("1 GPU"));
}

TEST(ScheduleTest, WorkersMayRunSomeKindsOnly) {
  WorkerView prepares = Worker("w1", 1);
  prepares.kinds = {"prepare"};
  EXPECT_EQ(OnlyReason(Schedule({{prepares}, {Job("j", 1)}, 0, false})), Reason::kUnschedulable);
}

// ---- Memory.

constexpr int64_t kGib = int64_t{1} << 30;

WorkerView WithMemory(const std::string& id, int64_t gib, int64_t used_gib = 0) {
  WorkerView worker = Worker(id, 2);
  worker.memory_bytes = gib * kGib;
  worker.memory_used = used_gib * kGib;
  return worker;
}

JobView Needing(const std::string& name, int64_t gib, double cost = 1) {
  JobView job = Job(name, cost);
  job.memory_bytes = gib * kGib;
  return job;
}

TEST(MemoryTest, AJobGoesWhereTheMemoryIsThatItNeeds) {
  Snapshot snapshot{{WithMemory("w1", 8), WithMemory("w2", 64)}, {Needing("j", 24)}, 0, false};
  EXPECT_THAT(Schedule(snapshot).grants.at(0).workers, ElementsAre(1));
  snapshot.workers.pop_back();
  const Plan plan = Schedule(snapshot);
  EXPECT_EQ(OnlyReason(plan), Reason::kUnschedulable);
  EXPECT_EQ(plan.waiting[0].detail,
            "no registered worker could ever run it: it needs 1 CPU slot and 24.0 GiB of memory; "
            "the most memory is that of worker w1, 8.0 GiB: start a worker with more, or submit "
            "the run with a smaller `memory`");
  // A worker of a version that does not say what it has.
  snapshot.workers.push_back(WithMemory("w3", 0));
  EXPECT_THAT(Schedule(snapshot).grants.at(0).workers, ElementsAre(1));
  // Of one with too few slots as well, memory is not what is wrong.
  snapshot.workers.pop_back();
  snapshot.jobs[0].slots = 3;
  EXPECT_EQ(Schedule(snapshot).waiting.at(0).detail,
            "no registered worker could ever run it: it needs 3 CPU slots and 24.0 GiB of memory");
}

TEST(MemoryTest, WhatOthersHoldIsNotThere) {
  Snapshot snapshot{{WithMemory("w1", 16)}, {Needing("a", 10, 2), Needing("b", 10)}, 0, false};
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(OnlyReason(plan), Reason::kWaitingCapacity);
  EXPECT_EQ(plan.waiting[0].detail,
            "the memory beside the free slots is taken: it needs 1 CPU slot and 10.0 GiB of "
            "memory");
  // What says nothing of memory has room beside it.
  snapshot.jobs[1].memory_bytes = 0;
  EXPECT_EQ(Schedule(snapshot).grants.size(), 2u);
}

TEST(MemoryTest, ARankOfAGangIsPutWhereItsMemoryIs) {
  Snapshot snapshot{{WithMemory("w1", 16), WithMemory("w2", 16)}, {Needing("gang", 10)}, 0, false};
  snapshot.jobs[0].ranks = 2;
  EXPECT_THAT(Schedule(snapshot).grants.at(0).workers, ElementsAre(0, 1));
  snapshot.workers.pop_back();
  EXPECT_EQ(Schedule(snapshot).waiting.at(0).detail,
            "room for 1 of 2 ranks now, 1 at most: its workers need more slots and memory, or it "
            "needs more workers");
}

// Slots of two devices are apart; memory is not.
TEST(MemoryTest, AJobForTheGpuIsNotStarvedByJobsForTheCpu) {
  Snapshot snapshot{
      {WithMemory("w1", 16, 8)}, {Needing("large", 16, 9), Needing("small", 4)}, 0, false};
  snapshot.workers[0].gpus = 1;
  snapshot.jobs[0].device = Device::kCuda;
  EXPECT_TRUE(Schedule(snapshot).grants.empty());
  snapshot.jobs[1].memory_bytes = 0;
  EXPECT_EQ(Schedule(snapshot).grants.size(), 1u);
}

TEST(MemoryTest, WhatHoldsNoMemoryRunsBesideAJobThatWaitsForMemoryAlone) {
  Snapshot snapshot{
      {WithMemory("w1", 16, 16)}, {Needing("large", 16, 9), Job("plain", 1)}, 0, false};
  Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u) << "a slot is left for the large one";
  snapshot.workers[0].cpu_used = 1;
  EXPECT_TRUE(Schedule(snapshot).grants.empty()) << "none would be left";
}

TEST(MemoryTest, AJobWaitsWhereTheMostMemoryIsFree) {
  std::vector<WorkerView> workers = {WithMemory("w1", 16, 16), WithMemory("w2", 16, 4)};
  workers[1].cpu_used = 1;
  const Plan plan = Schedule({workers, {Needing("large", 16, 9), Needing("small", 4)}, 0, false});
  EXPECT_TRUE(plan.grants.empty()) << "w2 is kept, and w1 is full";
}

TEST(MemoryTest, ALargeJobIsNotStarvedBySmallOnes) {
  Snapshot snapshot{
      {WithMemory("w1", 16, 8)}, {Needing("large", 16, 9), Needing("small", 4)}, 0, false};
  snapshot.workers[0].cpu_used = 1;
  const Plan plan = Schedule(snapshot);
  EXPECT_TRUE(plan.grants.empty());
  EXPECT_THAT(plan.waiting[1].detail, HasSubstr("kept for a gang or a wider job"));
}

// ---- Data that is bound to a site.

JobView BoundJob(const std::string& name, const std::set<std::string>& keepers = {}) {
  JobView job = Job(name, 1);
  job.run = "r";
  job.site = "lab";
  job.binding = task::Binding::kOutputs;
  job.keepers.here = keepers;
  return job;
}

WorkerView Keeping(const std::string& id, const std::set<std::string>& kept,
                   const std::string& site = "lab") {
  WorkerView worker = Worker(id, 4, 0, site);
  worker.kept = std::make_shared<const std::set<std::string>>(kept);
  return worker;
}

// Two workers on two hosts that can read each other's files.
std::vector<WorkerView> Exchanging(WorkerView one, WorkerView two) {
  for (WorkerView* worker : {&one, &two}) {
    worker->host = worker->id;
    worker->address = "10.0.0." + worker->id.substr(1);
    worker->serves_files = worker->reads_bound = true;
  }
  one.tried[two.id] = two.tried[one.id] = "";
  return {one, two};
}

TEST(BoundDataTest, JobsOfARunThatMakeItUseAllWorkersThatReadFromEachOther) {
  const Snapshot snapshot = {Exchanging(Worker("w1", 1, 0, "lab"), Worker("w2", 1, 0, "lab")),
                             {BoundJob("one"), BoundJob("two")},
                             0,
                             false};
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 2u);
  EXPECT_NE(plan.grants[0].workers, plan.grants[1].workers);
}

TEST(BoundDataTest, WithoutThatTheyGoToOneWorkerAndTheOthersSayWhy) {
  const auto why_not = [](const std::function<void(WorkerView&, WorkerView&)>& change) {
    Snapshot snapshot = {Exchanging(Worker("w1", 1, 0, "lab"), Worker("w2", 1, 0, "lab")),
                         {BoundJob("one"), BoundJob("two")},
                         0,
                         false};
    snapshot.workers.push_back(Worker("far", 9, 0, "hq"));
    change(snapshot.workers[0], snapshot.workers[1]);
    const Plan plan = Schedule(snapshot);
    EXPECT_EQ(plan.grants.size(), 1u);
    EXPECT_EQ(OnlyReason(plan), Reason::kWaitingCapacity);
    return plan.waiting.empty() ? "" : plan.waiting[0].detail;
  };
  EXPECT_THAT(why_not([](WorkerView&, WorkerView& w2) { w2.serves_files = false; }),
              HasSubstr("it needs 1 CPU slot at site lab; w1 could not read what w2 would keep: w2 "
                        "serves no files: start it without --serve-files no"));
  EXPECT_THAT(
      why_not([](WorkerView&, WorkerView& w2) { w2.reads_bound = false; }),
      HasSubstr("w2 cannot read what w1 keeps: w2 fetches nothing from others: start it with "
                "--site lab, or update its braid-worker"));
  EXPECT_THAT(why_not([](WorkerView& w1, WorkerView&) {
                w1.address = "";
                w1.serves_files = false;
              }),
              HasSubstr("w1 advertises no address: start it with --advertise"));
  EXPECT_THAT(why_not([](WorkerView& w1, WorkerView&) { w1.tried = {{"w2", "10.0.0.2: no"}}; }),
              HasSubstr("w1 cannot reach w2 at 10.0.0.2: no"));
  EXPECT_THAT(why_not([](WorkerView&, WorkerView& w2) { w2.tried.clear(); }),
              HasSubstr("w2 has not tried to reach w1 yet"));
  EXPECT_THAT(why_not([](WorkerView&, WorkerView& w2) { w2.ephemeral = true; }),
              HasSubstr("w2 leaves for good (--ephemeral), and what the job makes is to stay"));
}

TEST(BoundDataTest, OfOneHostNothingNeedBeTried) {
  std::vector<WorkerView> workers = Exchanging(Worker("w1", 1, 0, "lab"),
                                               Worker("w2", 1, 0, "lab"));
  for (WorkerView& worker : workers) {
    worker.host = "h";
    worker.tried.clear();
  }
  EXPECT_EQ(Schedule({workers, {BoundJob("one"), BoundJob("two")}, 0, false}).grants.size(), 2u);
}

TEST(BoundDataTest, AWorkerThatDoesNotComeBackKeepsNothing) {
  WorkerView passing = Worker("w1", 1, 0, "lab");
  passing.ephemeral = true;
  EXPECT_TRUE(Schedule({{passing}, {BoundJob("j")}, 0, false}).grants.empty());
  // It may read: what is made of it leaves the site in any case.
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Worker("w2", 1, 0, "lab"));
  workers[0].cpu_used = 4;
  workers[1].ephemeral = true;
  JobView reader = BoundJob("reader");
  reader.binding = task::Binding::kInputs;
  reader.bound = {{"x", "w1"}};
  EXPECT_EQ(Schedule({workers, {reader}, 0, false}).grants.size(), 1u);
}

TEST(BoundDataTest, WhoReadsItRunsWhereItIsIfThereIsRoom) {
  JobView job = BoundJob("j", {"w1"});
  job.bound = {{"0123456789abcdef", "w1"}};
  job.inputs = {"0123456789abcdef"};
  std::vector<WorkerView> workers = Exchanging(Worker("w2", 4, 0, "lab"),
                                               Keeping("w1", {"0123456789abcdef"}));
  const auto placed = [&] { return Schedule({workers, {job}, 0, false}).grants.at(0).workers; };
  EXPECT_EQ(placed(), (std::vector<size_t>{1}));
  workers[1].cpu_used = 4;
  EXPECT_EQ(placed(), (std::vector<size_t>{0}));
}

TEST(BoundDataTest, WhoHasReadItNeedsItsKeeperNoMore) {
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Worker("w2", 1, 0, "lab"));
  workers[0].connected = false;
  JobView reader = BoundJob("reader");
  reader.binding = task::Binding::kInputs;
  reader.bound = {{"x", "w1"}};
  const Plan gone = Schedule({workers, {reader}, 0, false});
  EXPECT_EQ(OnlyReason(gone), Reason::kDataSiteOffline);
  EXPECT_THAT(gone.waiting[0].detail,
              HasSubstr("bound to site lab and kept by worker w1, which is not connected"));
  workers[1].cached = std::make_shared<const std::set<std::string>>(std::set<std::string>{"x"});
  EXPECT_EQ(Schedule({workers, {reader}, 0, false}).grants.size(), 1u);
}

TEST(BoundDataTest, WhoeverCannotReadItSaysWhoKeepsIt) {
  JobView job = BoundJob("j", {"w1"});
  job.bound = {{"0123456789abcdef", "w1"}};
  const Plan emptied = Schedule(
      {Exchanging(Keeping("w2", {}), Keeping("w1", {})), {job}, 0, false});
  EXPECT_EQ(OnlyReason(emptied), Reason::kDataSiteOffline);
  EXPECT_THAT(emptied.waiting[0].detail, HasSubstr("has artifact 0123456789ab no more"));
  EXPECT_THAT(emptied.waiting[0].detail, HasSubstr("or submit the run anew"));
  // Its keeper has no slot of this kind, and the other one cannot read there.
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"0123456789abcdef"}),
                                               Keeping("w2", {}));
  workers[0].kinds = {"prepare"};
  workers[1].tried = {{"w1", "10.0.0.1 port 5: no answer"}};
  const Plan apart = Schedule({workers, {job}, 0, false});
  EXPECT_EQ(OnlyReason(apart), Reason::kDataSiteOffline);
  EXPECT_EQ(apart.waiting[0].detail,
            "no worker can run it with what is bound to site lab: w2 cannot read what w1 keeps: w2 "
            "cannot reach w1 at 10.0.0.1 port 5: no answer");
}

TEST(BoundDataTest, AGangRunsOnSeveralWorkersThatReadWhatItNeeds) {
  JobView gang = BoundJob("gang");
  gang.ranks = 2;
  gang.bound = {{"x", "w1"}};
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Worker("w2", 1, 0, "lab"));
  workers[0].cpu_used = 3;
  EXPECT_THAT(Schedule({workers, {gang}, 0, false}).grants.at(0).workers, ElementsAre(0, 1));
  workers[1].reads_bound = false;
  const Plan apart = Schedule({workers, {gang}, 0, false});
  EXPECT_EQ(OnlyReason(apart), Reason::kGangIncomplete);
  EXPECT_THAT(apart.waiting[0].detail,
              HasSubstr("room for 1 of 2 ranks now, 4 at most; w2 cannot read what w1 keeps"));
}

// Two that keep the same of another run, and do not exchange files: either may be used, not both.
TEST(BoundDataTest, WhoKeepsWhatWasTakenOverIsUsedAloneIfItExchangesNothing) {
  Snapshot snapshot = {{Keeping("w1", {"x"}), Keeping("w2", {"x"})},
                       {BoundJob("one"), BoundJob("two"), BoundJob("three")},
                       0,
                       false};
  for (WorkerView& worker : snapshot.workers) worker.cpu_slots = 1;
  for (JobView& job : snapshot.jobs) {
    job.keepers.before = {"w1"};
    job.bound = {{"x", "w1"}};
  }
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].workers, (std::vector<size_t>{0}));
}

// One that is about to be back may be able to read it.
TEST(BoundDataTest, AWorkerThatRestartsIsNoReasonToGiveUp) {
  JobView job = BoundJob("j", {"w1"});
  job.bound = {{"x", "w1"}};
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Keeping("w2", {}));
  workers[0].kinds = {"prepare"};
  workers[1].connected = workers[1].serves_files = workers[1].reads_bound = false;
  EXPECT_EQ(OnlyReason(Schedule({workers, {job}, 0, false})), Reason::kNoMatchingWorker);
}

TEST(BoundDataTest, AKeeperAtAnotherSiteIsReadByNobody) {
  JobView job = BoundJob("j", {"w1"});
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}, "hq"), Keeping("w2", {}));
  const Plan plan = Schedule({workers, {job}, 0, false});
  EXPECT_EQ(OnlyReason(plan), Reason::kDataSiteOffline);
  EXPECT_THAT(plan.waiting[0].detail,
              HasSubstr("w2 cannot read what w1 keeps: w1 is at site hq now"));
}

// Slots on two workers are no room for it, so none are kept free for it.
TEST(BoundDataTest, AGangThatFitsOnNoWorkersOfItsSiteHoldsNobodyUp) {
  JobView gang = BoundJob("gang", {"w1"});
  gang.ranks = gang.slots = 2;
  const Snapshot snapshot = {
      {Worker("w1", 2, 0, "lab"), Worker("w2", 2, 0, "lab")}, {gang, Job("other", 1)}, 0, false};
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(snapshot.jobs[plan.grants[0].job].name, "other");
  EXPECT_EQ(OnlyReason(plan), Reason::kGangIncomplete);
  EXPECT_THAT(plan.waiting[0].detail, HasSubstr("room for 0 of 2 ranks now, 1 at most"));
  EXPECT_THAT(plan.waiting[0].detail, HasSubstr("w2 cannot read what w1 keeps"));
}

TEST(CriticalPathTest, IsTheDearestChainThatIsLeft) {
  // 0 -> 1 -> 3, 0 -> 2 -> 3
  const std::vector<PathNode> nodes = {
      {1, {}, false}, {10, {0}, false}, {2, {0}, false}, {5, {1, 2}, false}};
  EXPECT_THAT(CostToEnd(nodes), ElementsAre(16, 15, 7, 5));
  std::vector<PathNode> later = nodes;
  later[1].done = true;
  EXPECT_THAT(CostToEnd(later), ElementsAre(8, 5, 7, 5));
}

}  // namespace
}  // namespace braid::scheduler
