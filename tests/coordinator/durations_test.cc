// What histograms of /metrics count.
#include "coordinator/core/durations.h"

#include <algorithm>

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;

TEST(HistogramTest, AValueBelongsToTheFirstBoundThatIsNotBelowIt) {
  Histogram histogram({0.5, 1, 10});
  for (const double value : {0.0, 0.5, 0.51, 1.0, 10.0, 10.1, -3.0}) histogram.Observe(value);
  EXPECT_THAT(histogram.counts(), ElementsAre(3, 2, 1));
  EXPECT_EQ(histogram.count(), 7);
  EXPECT_DOUBLE_EQ(histogram.sum(), 0.5 + 0.51 + 1 + 10 + 10.1);
  for (const auto* bounds : {&JobBounds(), &CommitBounds()})
    EXPECT_TRUE(std::is_sorted(bounds->begin(), bounds->end()));
}

class DurationsTest : public CoreTest {
 protected:
  // How many values were counted in all.
  template <class Key>
  static int64_t CountOf(const std::map<Key, Histogram>& histograms) {
    int64_t count = 0;
    for (const auto& [key, histogram] : histograms) count += histogram.count();
    return count;
  }
};

TEST_F(DurationsTest, WaitStartAndAttemptAreCountedOnceEach) {
  const std::string run = SubmitTaken(
      CommandOf({Node("a", "train"), Node("b", "report", {{"init", {"a", "model", "", ""}}})}));
  clock_.Advance(2'000);
  FakeWorker& worker = AddWorker("w1");
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_DOUBLE_EQ(core_->counters().durations.queue_wait.at("train").sum(), 2);
  EXPECT_EQ(CountOf(core_->counters().durations.start), 0);
  clock_.Advance(3'000);
  // A repeated report counts once.
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); }).ok());
  clock_.Advance(4'000);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "system", "lost").ok());
  const Durations once = core_->counters().durations;
  EXPECT_DOUBLE_EQ(once.start.at("train").sum(), 3);
  EXPECT_EQ(once.start.at("train").count(), 1);
  EXPECT_EQ(CountOf(once.attempts), 1);
  EXPECT_DOUBLE_EQ(once.attempts.at({"train", AttemptState::kFailed}).sum(), 4);
  // The retry is granted later, and is no first attempt.
  for (int i = 0; i < 40 && Job(run, "a").state != JobState::kActive; ++i) {
    clock_.Advance(5'000);
    EXPECT_TRUE(Beat(worker).ok());
  }
  EXPECT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(core_->counters().durations.queue_wait.at("train").count(), 1);
}

TEST_F(DurationsTest, WhatCouldNotBeWrittenIsNotCounted) {
  FakeWorker& worker = AddWorker("w1");
  const int64_t commits = core_->counters().commits.count();
  store_.full = true;
  EXPECT_EQ(Do([&](Transaction& tx) {
              return Submit(CommandOf({Node("a", "train")}), tx).status();
            }).reason(),
            "STORAGE_FULL");
  EXPECT_EQ(CountOf(core_->counters().durations.queue_wait), 0);
  EXPECT_GT(core_->counters().commits.count(), commits);
  store_.full = false;
  EXPECT_TRUE(Beat(worker).ok());
}

}  // namespace
}  // namespace braid::coordinator
