#include "scheduler/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/schedule.h"

namespace braid::scheduler {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMinuteMs = 60'000;
const HealthOptions kHealthOptions;

// A worker on which these jobs failed, one a second, the last of them at `last_ms`.
WorkerHealth FailedOn(const std::vector<std::string>& jobs, int64_t last_ms,
                      const HealthOptions& options = kHealthOptions) {
  WorkerHealth health;
  int64_t time_ms = last_ms - 1000 * (static_cast<int64_t>(jobs.size()) - 1);
  for (const std::string& job : jobs) {
    health = AfterFailure(std::move(health), {job, time_ms, "it broke"}, options);
    time_ms += 1000;
  }
  return health;
}

TEST(HealthTest, SeveralDifferentJobsInARowBeginAQuarantine) {
  const int64_t now_ms = 100 * kMinuteMs;
  EXPECT_FALSE(InQuarantine(FailedOn({"r/a", "r/b"}, now_ms), now_ms, kHealthOptions));
  EXPECT_FALSE(
      InQuarantine(FailedOn({"r/a", "r/b", "r/b", "r/a", "r/b"}, now_ms), now_ms, kHealthOptions))
      << "two jobs, however often they fail";
  const WorkerHealth health = FailedOn({"r/a", "r/b", "r/c"}, now_ms);
  EXPECT_EQ(health.quarantine_until_ms, now_ms + kHealthOptions.first_ms);
  EXPECT_TRUE(InQuarantine(health, now_ms, kHealthOptions));
  EXPECT_TRUE(InQuarantine(health, health.quarantine_until_ms - 1, kHealthOptions));
  EXPECT_FALSE(InQuarantine(health, health.quarantine_until_ms, kHealthOptions));
}

TEST(HealthTest, FailuresThatAreOldDoNotCount) {
  WorkerHealth health = FailedOn({"r/a", "r/b"}, 0);
  health = AfterFailure(health, {"r/c", kHealthOptions.window_ms + 1, "x"}, kHealthOptions);
  EXPECT_EQ(health.quarantine_until_ms, 0);
  EXPECT_EQ(health.failures.size(), 1u) << "and are not kept";
}

TEST(HealthTest, EachQuarantineIsTwiceAsLongAndOneFailureBeginsIt) {
  WorkerHealth health = FailedOn({"r/a", "r/b", "r/c"}, 0);
  int64_t length_ms = kHealthOptions.first_ms;
  for (int i = 0; i < 40; ++i) {
    const int64_t end_ms = health.quarantine_until_ms;
    // What fails meanwhile was begun before, and prolongs nothing.
    health = AfterFailure(health, {"r/d", end_ms - 1, "x"}, kHealthOptions);
    ASSERT_EQ(health.quarantine_until_ms, end_ms) << i;
    health = AfterFailure(health, {"r/e", end_ms, "x"}, kHealthOptions);
    length_ms = std::min(2 * length_ms, kHealthOptions.max_ms);
    ASSERT_EQ(health.quarantine_until_ms, end_ms + length_ms) << i;
    ASSERT_LE(health.failures.size(), 10u);
  }
  EXPECT_EQ(length_ms, kHealthOptions.max_ms);
}

TEST(HealthTest, AJobThatFailsElsewhereIsTakenOutOfTheAccount) {
  const WorkerHealth health = FailedOn({"r/a", "r/b", "r/c"}, 0);
  EXPECT_EQ(WithoutJob(health, "r/x", kHealthOptions), health);
  const WorkerHealth without = WithoutJob(health, "r/b", kHealthOptions);
  EXPECT_EQ(without.failures.size(), 2u);
  EXPECT_FALSE(InQuarantine(without, 1, kHealthOptions));
  EXPECT_EQ(without.quarantines, 0) << "the next one is a first one";
  const WorkerHealth four = FailedOn({"r/a", "r/b", "r/c", "r/d"}, 0);
  EXPECT_TRUE(InQuarantine(WithoutJob(four, "r/b", kHealthOptions), 1, kHealthOptions))
      << "three others failed there all the same";
}

// A quarantine ends with the failure at which it began, and with no other.
TEST(HealthTest, ALaterQuarantineIsDueToOneFailureAlone) {
  WorkerHealth health = FailedOn({"r/a", "r/b", "r/c"}, 0);
  const int64_t second_ms = health.quarantine_until_ms + 1000;
  health = AfterFailure(health, {"r/d", second_ms, "x"}, kHealthOptions);
  health = AfterFailure(health, {"r/e", second_ms + 1000, "x"}, kHealthOptions);
  ASSERT_EQ(health.quarantines, 2);
  EXPECT_TRUE(InQuarantine(WithoutJob(health, "r/a", kHealthOptions), second_ms, kHealthOptions));
  EXPECT_TRUE(InQuarantine(WithoutJob(health, "r/e", kHealthOptions), second_ms, kHealthOptions));
  const WorkerHealth without = WithoutJob(health, "r/d", kHealthOptions);
  EXPECT_FALSE(InQuarantine(without, second_ms, kHealthOptions));
  EXPECT_EQ(without.quarantines, 1) << "the first one was, whatever became of the second";
}

TEST(HealthTest, AClockThatIsSetBackPutsNobodyAwayForLong) {
  const WorkerHealth health = FailedOn({"r/a", "r/b", "r/c"}, 1'000'000'000'000);
  EXPECT_FALSE(InQuarantine(health, 0, kHealthOptions));
  EXPECT_EQ(AfterFailure(health, {"r/d", 5, "x"}, kHealthOptions).failures.size(), 1u)
      << "what was to come has not been";
}

TEST(HealthTest, ItCanBeSwitchedOff) {
  HealthOptions never;
  never.failures = 0;
  EXPECT_EQ(FailedOn({"r/a", "r/b", "r/c", "r/d"}, 0, never).quarantine_until_ms, 0);
  EXPECT_FALSE(InQuarantine(FailedOn({"r/a", "r/b", "r/c"}, 0), 1, never)) << "from before";
}

TEST(HealthTest, NothingIsPlacedOnAWorkerInQuarantineAndTheLineSaysSo) {
  WorkerView sick, well;
  sick.id = "w1";
  sick.cpu_slots = well.cpu_slots = 1;
  sick.connected = well.connected = sick.admits = well.admits = true;
  sick.quarantine = "worker w1 is in quarantine until noon";
  JobView job;
  job.name = "j";
  Snapshot snapshot{{sick}, {job}, 0, false, {}};
  Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.waiting.size(), 1u);
  EXPECT_EQ(NameOf(plan.waiting[0].reason), "WORKER_QUARANTINED");
  EXPECT_EQ(plan.waiting[0].detail, sick.quarantine);
  snapshot.workers[0].disk_full = "the disk of worker w1 is full";
  EXPECT_EQ(Schedule(snapshot).waiting[0].detail,
            "the disk of worker w1 is full; worker w1 is in quarantine until noon");
  well.id = "w2";
  snapshot.workers.push_back(well);
  EXPECT_EQ(Schedule(snapshot).grants.at(0).workers, std::vector<size_t>{1});
  snapshot.workers[1].cpu_used = 1;
  plan = Schedule(snapshot);
  EXPECT_EQ(NameOf(plan.waiting.at(0).reason), "WAITING_CAPACITY");
  EXPECT_THAT(plan.waiting[0].detail, HasSubstr("; worker w1 is in quarantine until noon"));
}

TEST(HealthTest, OnlyMachinesAndBraidItselfMayBeTheWorkersFault) {
  using task::FailureCategory;
  EXPECT_TRUE(MayBeTheWorkers(FailureCategory::kInfra));
  EXPECT_TRUE(MayBeTheWorkers(FailureCategory::kSystem));
  for (const auto other :
       {FailureCategory::kUser, FailureCategory::kPreempted, FailureCategory::kCancelled})
    EXPECT_FALSE(MayBeTheWorkers(other)) << NameOf(other);
}

TEST(HealthTest, TheTextSaysUntilWhenWhyAndWhatToDo) {
  WorkerHealth health = FailedOn({"r/a", "r/b", "r/c"}, 1'700'000'000'000);
  EXPECT_EQ(QuarantineText("w1", health),
            "worker w1 is in quarantine until 2023-11-14T22:18:20.000Z: 3 jobs in a row failed "
            "there; the last, r/c: it broke; when its machine is well, `braid worker release w1` "
            "ends it");
  health = AfterFailure({{}, 1, 1}, {"r/d", 5, "it broke"}, kHealthOptions);
  EXPECT_THAT(QuarantineText("w1", health),
              HasSubstr("a job failed there, and none has succeeded since it was in quarantine "
                        "before; the last, r/d: it broke"));
}

}  // namespace
}  // namespace braid::scheduler
