// A worker that was restarted delivers what it had kept on its disk: its attempts wait for that,
// and not for anything else.
#include "coordinator/core/sessions.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

class DeliveryTest : public CoreTest {
 protected:
  // The worker comes back as another process, and says what it has to deliver.
  void Reboot(FakeWorker& worker, const std::set<RankKey>& delivering) {
    worker.record.boot_id = worker.record.id + "-boot-" + std::to_string(++boots_);
    worker.ranks.clear();
    Disconnect(worker);
    Return(worker, delivering);
  }
  // A session of the same process.
  void Return(FakeWorker& worker, const std::set<RankKey>& delivering) {
    const auto sink = std::make_shared<FakeSink>();
    EXPECT_TRUE(Do([&](Transaction& tx) {
                  const auto session = Hello(worker.record, sink, tx);
                  if (!session.ok()) return session.status();
                  worker.session = *session;
                  return Signal(SignalOf(worker, delivering), tx);
                }).ok());
    worker.sink = sink;
  }
  void Deliver(FakeWorker& worker, const std::set<RankKey>& delivering) {
    EXPECT_TRUE(Do([&](Transaction& tx) { return Signal(SignalOf(worker, delivering), tx); }).ok());
  }
  static SignalCommand SignalOf(const FakeWorker& worker, const std::set<RankKey>& delivering) {
    SignalCommand signal;
    signal.worker = worker.record.id;
    signal.session_id = worker.session;
    signal.delivering = delivering;
    return signal;
  }
  Status Commit(const RankKey& rank, int64_t step, const std::string& id) {
    return Do([&](Transaction& tx) {
      return CommitCheckpoint(rank, step, Artifact(id, "checkpoint"), tx);
    });
  }
  AttemptState StateOf(const RankKey& rank) {
    return core_->state().FindAttempt(rank.attempt())->state;
  }

 private:
  int boots_ = 1;
};

TEST_F(DeliveryTest, AnAttemptThatFinishedIsEndedByItsResult) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey rank = RankOf(run, "a");
  Reboot(worker, {rank});
  Turn();
  EXPECT_EQ(Job(run, "a").epoch, 1) << "it is not given out again";
  EXPECT_TRUE(worker.sink->newest->ranks.empty()) << "nor told to run";
  EXPECT_EQ(core_->state().attempts.at(rank.attempt()).progress.phase, "delivering");
  EXPECT_TRUE(End(rank, "w1", /*success=*/true).ok());
  Deliver(worker, {});
  EXPECT_EQ(Job(run, "a").state, JobState::kSucceeded);
  EXPECT_EQ(StateOf(rank), AttemptState::kSucceeded);
  EXPECT_EQ(Job(run, "a").epoch, 1);
}

TEST_F(DeliveryTest, AnAttemptThatDidNotFinishGoesOnFromTheDeliveredCheckpoint) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey rank = RankOf(run, "a");
  EXPECT_TRUE(Commit(rank, 5, "c5").ok());
  Reboot(worker, {rank});
  EXPECT_TRUE(Commit(rank, 30, "c30").ok());
  EXPECT_EQ(Job(run, "a").epoch, 1);
  Deliver(worker, {});
  EXPECT_EQ(StateOf(rank), AttemptState::kLost);
  EXPECT_THAT(core_->state().FindAttempt(rank.attempt())->failure.error,
              HasSubstr("worker w1 was restarted"));
  ASSERT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 2})->resumed_step, 30);
  EXPECT_EQ(Commit(rank, 31, "c31").reason(), "STALE_LEASE") << "the epoch still fences";
}

TEST_F(DeliveryTest, WhatIsNotDeliveredIsGivenOutAtOnce) {
  FakeWorker& worker = AddWorker("w1", /*slots=*/2);
  const std::string run = SubmitJobs({Node("a", "train"), Node("b", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  Reboot(worker, {RankOf(run, "a")});
  EXPECT_EQ(Job(run, "a").epoch, 1);
  EXPECT_EQ(StateOf({run, "b", 1, 0}), AttemptState::kLost);
  EXPECT_EQ(Job(run, "b").epoch, 2);
}

TEST_F(DeliveryTest, ItIsNotWaitedForWithoutEnd) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey rank = RankOf(run, "a");
  Reboot(worker, {rank});
  const int64_t limit_ms = scheduler::LeaseOptions().delivery_ms;
  for (int64_t ms = 0; ms + 10'000 < limit_ms; ms += 10'000) {
    clock_.Advance(10'000);
    // Who connects anew gets no more time.
    if (ms % 600'000 == 0) {
      Return(worker, {rank});
    } else {
      Deliver(worker, {rank});
    }
    ASSERT_EQ(Job(run, "a").epoch, 1) << ms;
  }
  clock_.Advance(10'000);
  Deliver(worker, {rank});
  EXPECT_EQ(StateOf(rank), AttemptState::kLost);
  EXPECT_THAT(core_->state().FindAttempt(rank.attempt())->failure.error,
              HasSubstr("did not deliver in time"));
  EXPECT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(End(rank, "w1", true).reason(), "STALE_LEASE");
}

TEST_F(DeliveryTest, AWorkerThatIsLostDeliversNothingMore) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey rank = RankOf(run, "a");
  Reboot(worker, {rank});
  Disconnect(worker);
  for (int i = 0; i < 100; ++i) {  // in steps, or it would be a stall of the coordinator
    clock_.Advance(1'000);
    Turn();
  }
  EXPECT_EQ(StateOf(rank), AttemptState::kLost);
}

TEST_F(DeliveryTest, ACoordinatorThatIsStartedAgainGoesOnWaiting) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train"), Node("b", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey rank = RankOf(run, "a");
  Reboot(worker, {rank});
  Restart();
  Turn();
  EXPECT_EQ(Job(run, "a").epoch, 1);
  Return(worker, {rank});
  EXPECT_EQ(Job(run, "a").epoch, 1);
  Deliver(worker, {});
  EXPECT_EQ(Job(run, "a").epoch, 2) << "the boot that it names is registered already";
}

// Both were away: the worker is another process, and the coordinator too.
TEST_F(DeliveryTest, AnEndArrivesAlsoBeforeTheHello) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey rank = RankOf(run, "a");
  Restart();
  Turn();
  EXPECT_TRUE(End(rank, "w1", /*success=*/true).ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kSucceeded);
  EXPECT_TRUE(End(rank, "w1", /*success=*/true).ok()) << "and may be repeated";
}

TEST_F(DeliveryTest, ACancelledJobWaitsForNothing) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey rank = RankOf(run, "a");
  Reboot(worker, {rank});
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  Turn();
  EXPECT_EQ(Job(run, "a").state, JobState::kCancelled);
  EXPECT_EQ(End(rank, "w1", true).reason(), "STALE_LEASE");
}

// A gang of which one host was restarted is stopped; the checkpoint of rank 0 still counts.
TEST_F(DeliveryTest, AGangGoesOnFromTheDeliveredCheckpoint) {
  FakeWorker& worker = AddWorker("w1", /*slots=*/2);
  const std::string run = SubmitJobs({Node("a", "joint", {}, /*ranks=*/2)});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey rank = RankOf(run, "a");
  Reboot(worker, {rank});
  EXPECT_EQ(StateOf(rank), AttemptState::kStopping);
  Turn();
  EXPECT_EQ(Job(run, "a").epoch, 1);
  EXPECT_TRUE(Commit(rank, 30, "c30").ok());
  Deliver(worker, {});
  Turn();
  ASSERT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 2})->resumed_step, 30);
}

TEST_F(DeliveryTest, AWorkerOfAnEarlierVersionDeliversNothing) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  Reboot(worker, {});
  EXPECT_EQ(Job(run, "a").epoch, 2);
}

}  // namespace
}  // namespace braid::coordinator
