#include "scheduler/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/critical_path.h"
#include "scheduler/placement.h"

namespace braid::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

WorkerView Worker(const std::string& id, int64_t slots, int64_t used = 0, const std::string& site = "local") {
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

Reason OnlyReason(const Plan& plan) { return plan.waiting.size() == 1 ? plan.waiting[0].reason : Reason::kNone; }

TEST(ScheduleTest, TheLongestWayToTheEndGoesFirst) {
  const Plan plan = Schedule({{Worker("w1", 1)}, {Job("short", 1), Job("long", 9)}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u);
  EXPECT_EQ(OnlyReason(plan), Reason::kWaitingCapacity);
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
  const Plan plan = Schedule({{Worker("w1", 1), Worker("w2", 1, 1)}, {Job("gang", 9, 2), Job("small", 1)}, 0, false});
  EXPECT_TRUE(plan.grants.empty());
  EXPECT_THAT(plan.waiting[1].detail, HasSubstr("kept for a gang"));
}

TEST(ScheduleTest, WhatIsBeforeTheGangMayTakeItsSlots) {
  const Plan plan = Schedule({{Worker("w1", 1), Worker("w2", 1, 1)}, {Job("gang", 1, 2), Job("first", 9)}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u);
}

TEST(ScheduleTest, AGangThatCanNeverFitReservesNothing) {
  const Plan plan = Schedule({{Worker("w1", 1)}, {Job("gang", 9, 3), Job("small", 1)}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].job, 1u);
}

TEST(ScheduleTest, AGangStaysInsideOneSite) {
  const Plan plan = Schedule({{Worker("w1", 1, 0, "a"), Worker("w2", 1, 0, "b")}, {Job("gang", 9, 2)}, 0, false});
  EXPECT_TRUE(plan.grants.empty());
  EXPECT_EQ(OnlyReason(plan), Reason::kGangIncomplete);
}

TEST(ScheduleTest, PrefersTheWorkerThatHasTheInputs) {
  WorkerView warm = Worker("w2", 1);
  warm.cached = {"shards"};
  JobView job = Job("j", 1);
  job.inputs = {"shards"};
  const Plan plan = Schedule({{Worker("w1", 4), warm}, {job}, 0, false});
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_THAT(plan.grants[0].workers, ElementsAre(1));
}

TEST(ScheduleTest, PrefersAnotherWorkerAfterAFailureButUsesTheSameIfItIsAlone) {
  JobView job = Job("j", 1);
  job.avoid = "w1";
  EXPECT_THAT(Schedule({{Worker("w1", 4), Worker("w2", 1)}, {job}, 0, false}).grants[0].workers, ElementsAre(1));
  EXPECT_THAT(Schedule({{Worker("w1", 4)}, {job}, 0, false}).grants[0].workers, ElementsAre(0));
}

TEST(ScheduleTest, GivesAReasonForEachWayOfWaiting) {
  EXPECT_EQ(OnlyReason(Schedule({{}, {Job("j", 1)}, 0, false})), Reason::kNoMatchingWorker);
  EXPECT_EQ(OnlyReason(Schedule({{}, {Job("j", 1)}, 0, true})), Reason::kRecoveringLeases);
  EXPECT_EQ(OnlyReason(Schedule({{Worker("w1", 1)}, {Job("j", 1, 1, 2)}, 0, false})), Reason::kUnschedulable);

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
  EXPECT_EQ(OnlyReason(Schedule({{Worker("w1", 1), away}, {excluded}, 0, false})), Reason::kWorkerExcluded);
  EXPECT_EQ(Schedule({{Worker("w1", 1)}, {excluded}, 0, false}).grants.size(), 1u) << "nobody else could ever run it";

  JobView gpu = Job("j", 1);
  gpu.device = "cuda";
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
  const std::vector<PathNode> nodes = {{1, {}, false}, {10, {0}, false}, {2, {0}, false}, {5, {1, 2}, false}};
  EXPECT_THAT(CostToEnd(nodes), ElementsAre(16, 15, 7, 5));
  std::vector<PathNode> later = nodes;
  later[1].done = true;
  EXPECT_THAT(CostToEnd(later), ElementsAre(8, 5, 7, 5));
}

}  // namespace
}  // namespace braid::scheduler
