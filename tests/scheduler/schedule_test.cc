#include "scheduler/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "scheduler/critical_path.h"
#include "scheduler/placement.h"
#include "tests/scheduler/schedule_fixture.h"

namespace braid::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
