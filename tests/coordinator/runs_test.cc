// Runs: their graphs, their turns, and how they are cancelled and tried again.
#include "coordinator/core/runs.h"

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(CoreTest, ARunGoesThroughItsGraph) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs(
      {Node("a", "train"), Node("b", "train", {{"init", {"a", "model", "", ""}}})});
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
  EXPECT_EQ(Job(run, "b").state, JobState::kBlocked);
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kSucceeded);
  EXPECT_EQ(Job(run, "b").state, JobState::kActive);
  EXPECT_EQ(Job(run, "b").inputs.at("init"), std::string(64, 'a'));
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(End(RankOf(run, "b"), "w1", true).ok());
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kSucceeded);
  EXPECT_TRUE(End({{run, "b", 1}, 0}, "w1", true).ok()) << "saying it again changes nothing";
}

TEST_F(CoreTest, TwoJobsOfOneNameAreRefused) {
  AddWorker("w1");
  const Status status = Do([&](Transaction& tx) {
    return Submit(CommandOf({Node("tokenizer", "tokenizer"),
                             Node("tokenizer", "train",
                                  {{"tokenizer", {"tokenizer", "tokenizer", "", ""}}})}),
                  tx)
        .status();
  });
  EXPECT_EQ(status.reason(), "INVALID_RECIPE");
  EXPECT_THAT(status.message(), HasSubstr("two jobs of this run would be called tokenizer"));
  EXPECT_THAT(core_->state().image().runs, IsEmpty());
  // An input from a job that is not of the run would be looked for when its parents have ended.
  const Status lost = Do([&](Transaction& tx) {
    recipe::JobNode node = Node("a", "train");
    node.inputs["init"] = {"nobody", "model", "", ""};
    return Submit(CommandOf({node}), tx).status();
  });
  EXPECT_THAT(lost.message(), HasSubstr("takes its input init from nobody"));
}

TEST_F(CoreTest, AnEarlierRunIsNotOvertakenByACostlyOne) {
  FakeWorker& worker = AddWorker("w1");
  recipe::JobNode dense = Node("dense", "train");
  dense.estimate.flops = 1e18;
  const std::string busy = SubmitJobs({Node("a", "train")});
  clock_.Advance(1'000);
  const std::string early = SubmitJobs({Node("small", "train")});
  clock_.Advance(1'000);
  const std::string late = SubmitJobs({dense});
  clock_.Advance(1'000);
  const std::string urgent = SubmitJobs({Node("u", "train")}, "", /*priority=*/1);
  std::vector<std::string> order;
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(Beat(worker).ok());
    ASSERT_EQ(core_->state().live().size(), 1u);
    const AttemptKey key = *core_->state().live().begin();
    order.push_back(key.run);
    EXPECT_TRUE(End({key, 0}, "w1", true).ok());
  }
  EXPECT_THAT(order, ElementsAre(busy, urgent, early, late));
}

TEST_F(CoreTest, UsersShareTheSlots) {
  AddWorker("w1", /*slots=*/2);
  for (int i = 0; i < 4; ++i) SubmitJobs({Node("j", "train")}, "ann");
  EXPECT_EQ(core_->state().live().size(), 2u);
  clock_.Advance(1'000);
  const std::string bobs = SubmitJobs({Node("j", "train")}, "bob");
  const AttemptKey key = *core_->state().live().begin();
  EXPECT_TRUE(Beat(workers_["w1"]).ok());
  EXPECT_TRUE(End({key, 0}, "w1", true).ok());
  EXPECT_EQ(Job(bobs, "j").state, JobState::kActive) << "ann holds half of the slots and bob none";
  EXPECT_EQ(core_->state().FindRun(bobs)->user, "bob");
}

TEST_F(CoreTest, ACancelledRunEndsWhenItsRanksAreGone) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs(
      {Node("a", "train"), Node("b", "train", {{"init", {"a", "model", "", ""}}})});
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kCancelling);
  EXPECT_EQ(Job(run, "b").state, JobState::kCancelled);
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kActive);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok()) << "a success that crossed the cancellation";
  EXPECT_EQ(Job(run, "a").state, JobState::kCancelled);
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kCancelled);
  EXPECT_EQ(Do([&](Transaction& tx) { return Cancel(run, tx); }).reason(), "TERMINAL_STATE");
}

TEST_F(CoreTest, ARetriedRunKeepsWhatHasSucceeded) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs(
      {Node("a", "train"), Node("b", "train", {{"init", {"a", "model", "", ""}}})});
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) {
                return CommitCheckpoint(RankOf(run, "b"), 7, Artifact("c", "checkpoint"), tx);
              }).ok());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(End(RankOf(run, "b"), "w1", false, "user", "loss is not finite").ok());
    clock_.Advance(400'000);
    EXPECT_TRUE(Beat(worker).ok());
  }
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kFailed);
  EXPECT_THAT(core_->state().FindRun(run)->error, HasSubstr("b: loss is not finite"));
  std::string again;
  EXPECT_TRUE(Do([&](Transaction& tx) {
                auto id = Retry(run, tx);
                if (id.ok()) again = *id;
                return id.status();
              }).ok());
  EXPECT_EQ(Job(again, "a").state, JobState::kSucceeded);
  EXPECT_EQ(Job(again, "a").adopted_from, run + "/a");
  EXPECT_EQ(core_->state().FindAttempt({again, "b", 1})->resumed_step, 7)
      << "the same inputs: from its checkpoint";
}

TEST_F(CoreTest, ASourceThatWasNotUploadedIsNamed) {
  SubmitCommand command;
  command.dag.run = "x";
  command.dag.jobs = {Node("a", "prepare")};
  command.dag.jobs[0].inputs["source"] = {"", "", "source.tales", ""};
  const Status status = Do([&](Transaction& tx) { return Submit(command, tx).status(); });
  EXPECT_EQ(status.reason(), "BLOB_MISSING");
  EXPECT_THAT(status.message(), HasSubstr("source.tales"));
  EXPECT_THAT(core_->state().image().runs, IsEmpty());
}

}  // namespace
}  // namespace braid::coordinator
