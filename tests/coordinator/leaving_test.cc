// The end of ephemeral workers, as the core sees it.
#include "coordinator/core/leaving.h"

#include "coordinator/core/admission.h"
#include "coordinator/core/sessions.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class LeavingTest : public CoreTest {
 protected:
  FakeWorker& AddEphemeral(const std::string& id) {
    FakeWorker& worker = workers_[id];
    worker.record.ephemeral = true;
    return AddWorker(id);
  }
  Status SayGoodbye(FakeWorker& worker) {
    SignalCommand signal;
    signal.worker = worker.record.id;
    signal.session_id = worker.session;
    signal.draining = signal.leaving = true;
    return Do([&](Transaction& tx) { return Signal(signal, tx); });
  }
  // In steps: what jumps is taken for a stall of the coordinator.
  void Pass(int seconds) {
    for (int second = 0; second < seconds; ++second) {
      clock_.Advance(1'000);
      Turn();
    }
  }
  bool Listed(const std::string& id) { return core_->state().image().workers.contains(id); }
  std::vector<std::string> Events() {
    std::vector<std::string> kinds;
    const std::vector<catalog::EventRecord> events = store_.ReadEvents({}).value();
    for (const catalog::EventRecord& event : events)
      kinds.push_back(event.kind + " " + event.worker);
    return kinds;
  }
};

TEST_F(LeavingTest, WhoLeavesForGoodIsTakenOffTheList) {
  FakeWorker& worker = AddEphemeral("lab.7.0");
  ASSERT_TRUE(Listed("lab.7.0"));
  EXPECT_TRUE(SayGoodbye(worker).ok());
  EXPECT_FALSE(Listed("lab.7.0"));
  EXPECT_THAT(worker.sink->replaced, HasSubstr("lab.7.0 has left"));
  EXPECT_THAT(Events(), Contains("worker.left lab.7.0"));
  Pass(60);
  EXPECT_FALSE(core_->state().workers.contains("lab.7.0")) << "nor is it kept in memory";
  EXPECT_EQ(Beat(worker).reason(), "WORKER_REPLACED");
}

TEST_F(LeavingTest, WhatItHadNotBegunIsQueuedAgainAndCountsAsNoLoss) {
  FakeWorker& worker = AddEphemeral("lab.7.0");
  const std::string run = SubmitJobs({Node("a", "train")});
  ASSERT_EQ(Job(run, "a").epoch, 1);
  EXPECT_TRUE(SayGoodbye(worker).ok());
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kPreempted);
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  EXPECT_EQ(Job(run, "a").not_before_ms, 0);
  EXPECT_EQ(Job(run, "a").counters.infra_losses, 0);
  EXPECT_FALSE(Listed("lab.7.0"));
  AddWorker("w2");
  Turn();
  EXPECT_EQ(Job(run, "a").epoch, 2);
}

TEST_F(LeavingTest, ASilentOneIsForgottenOnceNothingIsLeasedToIt) {
  FakeWorker& idle = AddEphemeral("lab.7.0");
  Disconnect(idle);
  EXPECT_TRUE(Listed("lab.7.0")) << "its stream may have broken";
  Pass(30);
  EXPECT_FALSE(Listed("lab.7.0"));

  FakeWorker& busy = AddEphemeral("lab.8.0");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(busy).ok());
  Disconnect(busy);
  Pass(10);
  EXPECT_TRUE(Listed("lab.8.0")) << "its lease lasts longer";
  Pass(100);
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kLost);
  EXPECT_FALSE(Listed("lab.8.0"));
}

TEST_F(LeavingTest, OneThatComesBackIsThereAgain) {
  FakeWorker& worker = AddEphemeral("lab.7.0");
  Disconnect(worker);
  Pass(30);
  ASSERT_FALSE(Listed("lab.7.0"));
  Connect(worker);
  EXPECT_TRUE(Listed("lab.7.0"));
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_EQ(Job(run, "a").epoch, 1);
}

// A stream may break without a word, and its end come when somebody else has the id.
TEST_F(LeavingTest, TheEndOfAnEarlierStreamIsNotTakenForThatOfTheNewOne) {
  FakeWorker& worker = AddEphemeral("lab.7.0");
  const int64_t old_session = worker.session;
  EXPECT_TRUE(SayGoodbye(worker).ok());
  Pass(5);
  ASSERT_FALSE(core_->state().workers.contains("lab.7.0"));
  Connect(worker);
  EXPECT_TRUE(Do([&](Transaction& tx) {
                SessionClosed("lab.7.0", old_session, tx);
                return OkStatus();
              }).ok());
  EXPECT_NE(core_->state().workers.at("lab.7.0").session, nullptr);
}

TEST_F(LeavingTest, ACordonedOneIsStillCordonedWhenItComesBack) {
  FakeWorker& worker = AddEphemeral("lab.7.0");
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cordon("lab.7.0", /*open=*/false, tx); }).ok());
  Disconnect(worker);
  Pass(60);
  EXPECT_TRUE(Listed("lab.7.0"));
  Connect(worker);
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_EQ(Job(run, "a").epoch, 0);
}

TEST_F(LeavingTest, RemovingOneThatHasLeftIsAnEventAndLeavesNothingInMemory) {
  EXPECT_TRUE(SayGoodbye(AddEphemeral("lab.7.0")).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) {
                Remove("lab.7.0", "its credential was revoked", tx);
                return OkStatus();
              }).ok());
  EXPECT_THAT(Events(), Contains("worker.removed lab.7.0"));
  Pass(5);
  EXPECT_FALSE(core_->state().workers.contains("lab.7.0"));
}

TEST_F(LeavingTest, ARestartOfTheCoordinatorForgetsNobodyWhoGoesOn) {
  AddEphemeral("lab.7.0");
  Restart();
  Turn();
  Pass(60);
  EXPECT_TRUE(Listed("lab.7.0"));
  Pass(60);
  EXPECT_FALSE(Listed("lab.7.0"));
}

TEST_F(LeavingTest, OtherWorkersStayListed) {
  FakeWorker& worker = AddWorker("w1");
  EXPECT_TRUE(SayGoodbye(worker).ok());
  Disconnect(worker);
  Pass(100);
  EXPECT_TRUE(Listed("w1"));
  EXPECT_TRUE(Do([&](Transaction& tx) {
                DeclareGone("w1", "said so", tx);
                return OkStatus();
              }).ok());
  EXPECT_TRUE(Listed("w1"));
}

TEST_F(LeavingTest, WhoeverStartedItMaySayThatItIsGone) {
  FakeWorker& worker = AddEphemeral("lab.7.0");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) {
                DeclareGone("lab.7.0", "Slurm job 7 is NODE_FAIL", tx);
                return OkStatus();
              }).ok());
  const AttemptRecord& attempt = *core_->state().FindAttempt({run, "a", 1});
  EXPECT_EQ(attempt.state, AttemptState::kLost);
  EXPECT_THAT(attempt.failure.error, HasSubstr("Slurm job 7 is NODE_FAIL"));
  EXPECT_FALSE(Listed("lab.7.0"));
  EXPECT_THAT(Events(), Not(Contains("worker.lost lab.7.0")));
}

}  // namespace
}  // namespace braid::coordinator
