// Jobs that say how much memory they need.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scheduler/schedule_fixture.h"

namespace braid::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace braid::scheduler
