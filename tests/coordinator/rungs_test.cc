// Sweeps by successive halving: which trials go on, and what becomes of the others.
#include "coordinator/core/rungs.h"

#include "base/text.h"
#include "coordinator/services/convert.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Trials of a model, each with two rungs before its last part, an evaluation and one report.
class RungsTest : public CoreTest {
 protected:
  recipe::JobNode Part(const std::string& name, int64_t trial, int64_t rung, int64_t keep,
                       const std::string& model = "dense") {
    recipe::JobNode node = Node(name, "train");
    if (rung > 1) {
      const std::string training = name.substr(0, name.find('@'));
      const std::string before = training + Format("@rung_%lld", (long long)rung - 1);
      node.parents = {before};
      node.inputs = {{"rung", {before, "model", "", ""}}};
    }
    node.rung = {model, rung, trial, keep};
    return node;
  }
  // `keep` trials go on from the first rung, one from the second.
  std::string SubmitTrials(const std::vector<std::string>& trials, int64_t keep) {
    std::vector<recipe::JobNode> nodes;
    recipe::JobNode report = Node("report", "report");
    for (size_t i = 0; i < trials.size(); ++i) {
      const std::string& name = trials[i];
      const auto trial = static_cast<int64_t>(i);
      nodes.push_back(Part(name + "@rung_1", trial, 1, 0));
      nodes.push_back(Part(name + "@rung_2", trial, 2, keep));
      nodes.push_back(Part(name, trial, 3, 1));
      const std::string evaluation = "evaluate:" + name;
      nodes.push_back(Node(evaluation, "evaluate", {{"model", {name, "model", "", ""}}}));
      report.inputs["evaluation." + name] = {evaluation, "model", "", ""};
      report.parents.push_back(evaluation);
    }
    nodes.push_back(report);
    AddWorker("w1", /*slots=*/8);
    return SubmitJobs(nodes);
  }
  // The job succeeds with this held-out loss, or fails if that is negative.
  void Finish(const std::string& run, const std::string& job, double loss) {
    EXPECT_TRUE(Beat(workers_["w1"]).ok());
    ASSERT_EQ(Job(run, job).state, JobState::kActive) << job;
    EndedCommand command;
    command.rank = RankOf(run, job);
    command.worker = "w1";
    command.success = loss >= 0;
    command.outputs = {Artifact(std::string(64, 'a'), "model")};
    command.summary = Json{{"final", {{"validation/tales", loss}}}}.dump();
    if (loss < 0) {
      command.outputs.clear();
      command.failure = {"user", "the training has diverged", "", true, ""};
    }
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(command, tx); }).ok());
    workers_["w1"].ranks.erase(command.rank);
  }
  RunState StateOfRun(const std::string& run) { return core_->state().FindRun(run)->state; }
  std::string PendingOf(const std::string& run, const std::string& job) {
    return JobMessage(Job(run, job), core_->state(), Detail::kFull).pending_detail();
  }
};

TEST_F(RungsTest, TheBestGoOnAndTheOthersAreStopped) {
  const std::string run = SubmitTrials({"a", "b", "c", "d"}, 2);
  Finish(run, "a@rung_1", 3.0);
  Finish(run, "b@rung_1", 2.0);
  Finish(run, "c@rung_1", 2.5);
  EXPECT_EQ(Job(run, "b@rung_2").state, JobState::kBlocked) << "d may be better";
  EXPECT_EQ(PendingOf(run, "b@rung_2"),
            "waits to be compared at rung 1, where d@rung_1 has not ended");
  Finish(run, "d@rung_1", 4.0);
  EXPECT_EQ(Job(run, "b@rung_2").state, JobState::kActive);
  EXPECT_EQ(Job(run, "c@rung_2").state, JobState::kActive);
  EXPECT_EQ(Job(run, "b@rung_2").inputs.at("rung"), std::string(64, 'a'));
  const JobRecord& stopped = Job(run, "a@rung_2");
  EXPECT_EQ(stopped.state, JobState::kSkipped);
  EXPECT_TRUE(stopped.left_behind);
  EXPECT_EQ(stopped.error,
            "stopped at rung 1: its held-out loss 3.0000 is place 3 of 4, and the "
            "best 2 go on");
  EXPECT_TRUE(Job(run, "evaluate:a").left_behind);
  EXPECT_EQ(Job(run, "evaluate:a").error, "a was stopped at a rung");
  EXPECT_TRUE(JobMessage(stopped, core_->state(), Detail::kFull).left_behind());

  Finish(run, "b@rung_2", 1.9);
  Finish(run, "c@rung_2", 1.8);
  EXPECT_EQ(Job(run, "b").error,
            "stopped at rung 2: its held-out loss 1.9000 is place 2 of 2, and the "
            "best 1 goes on");
  Finish(run, "c", 1.5);
  EXPECT_EQ(Job(run, "report").state, JobState::kBlocked);
  Finish(run, "evaluate:c", 0);
  EXPECT_EQ(Job(run, "report").state, JobState::kActive);
  EXPECT_THAT(Job(run, "report").inputs,
              ElementsAre(testing::Pair("evaluation.c", std::string(64, 'a'))));
  EXPECT_EQ(PendingOf(run, "report"), "");
  Finish(run, "report", 0);
  EXPECT_EQ(StateOfRun(run), RunState::kSucceeded);
  EXPECT_EQ(core_->state().FindRun(run)->error, "");
  const auto message = RunMessage(*core_->state().FindRun(run), core_->state(), Detail::kBasic);
  EXPECT_EQ(message.jobs_succeeded(), 4 + 2 + 1 + 1 + 1);
  EXPECT_EQ(message.jobs_total(), message.jobs_succeeded()) << "nothing is left to do";
}

TEST_F(RungsTest, OfEqualTrialsTheFirstGoesOn) {
  const std::string run = SubmitTrials({"a", "b", "c"}, 1);
  for (const char* job : {"c@rung_1", "b@rung_1", "a@rung_1"}) Finish(run, job, 2.0);
  EXPECT_EQ(Job(run, "a@rung_2").state, JobState::kActive);
  EXPECT_TRUE(Job(run, "b@rung_2").left_behind);
  EXPECT_TRUE(Job(run, "c@rung_2").left_behind);
}

TEST_F(RungsTest, ATrialThatFailsIsTheWorstAndNoFailureOfTheRun) {
  const std::string run = SubmitTrials({"a", "b", "c"}, 2);
  Finish(run, "b@rung_1", 9.0);
  Finish(run, "a@rung_1", -1);
  EXPECT_EQ(Job(run, "a@rung_1").state, JobState::kFailed);
  // Nobody is alerted of it.
  std::vector<std::string> kinds;
  const std::vector<catalog::EventRecord> events = store_.ReadEvents({}).value();
  for (const catalog::EventRecord& event : events) kinds.push_back(event.kind);
  EXPECT_THAT(kinds, testing::Contains("job.left_behind"));
  EXPECT_THAT(kinds, testing::Not(testing::Contains("job.failed")));
  EXPECT_EQ(Job(run, "a@rung_2").error,
            "a@rung_1 failed, which counts as the worst of what it is compared with");
  EXPECT_EQ(StateOfRun(run), RunState::kActive);
  Finish(run, "c@rung_1", 8.0);
  Finish(run, "b@rung_2", 7.0);
  Finish(run, "c@rung_2", -1);
  Finish(run, "b", 6.0);
  Finish(run, "evaluate:b", 0);
  Finish(run, "report", 0);
  EXPECT_EQ(StateOfRun(run), RunState::kSucceeded);
}

TEST_F(RungsTest, WithoutAnyTrialTheRunFails) {
  const std::string run = SubmitTrials({"a", "b"}, 1);
  Finish(run, "a@rung_1", -1);
  Finish(run, "b@rung_1", -1);
  EXPECT_EQ(Job(run, "b").state, JobState::kSkipped);
  Finish(run, "report", 0);
  EXPECT_EQ(StateOfRun(run), RunState::kFailed);
  EXPECT_THAT(core_->state().FindRun(run)->error,
              HasSubstr("no setting of dense came to its end; the first that failed: a@rung_1: the "
                        "training has diverged"));
}

// A setting with two seeds is judged by the mean of both, and by none if one of them failed.
TEST_F(RungsTest, SeedsOfOneSettingAreOneTrial) {
  AddWorker("w1", /*slots=*/8);
  std::vector<recipe::JobNode> nodes;
  for (const char* setting : {"a", "b", "c"}) {
    for (const char* seed : {"1", "2"}) {
      const std::string name = std::string(setting) + seed;
      nodes.push_back(Part(name + "@rung_1", setting[0] - 'a', 1, 0));
      nodes.push_back(Part(name, setting[0] - 'a', 2, 1));
    }
  }
  const std::string run = SubmitJobs(nodes);
  Finish(run, "a1@rung_1", 1.0);
  Finish(run, "a2@rung_1", 4.0);
  Finish(run, "b1@rung_1", 2.0);
  Finish(run, "b2@rung_1", 2.5);
  Finish(run, "c1@rung_1", 0.5);
  Finish(run, "c2@rung_1", -1);
  EXPECT_EQ(Job(run, "b1").state, JobState::kActive);
  EXPECT_EQ(Job(run, "b2").state, JobState::kActive);
  EXPECT_THAT(Job(run, "a1").error, HasSubstr("its held-out loss 2.5000 is place 2 of 3"));
  EXPECT_EQ(Job(run, "c1").error,
            "stopped at rung 1: a training of this setting failed or has no held-out loss, which "
            "counts as the worst");
}

// The loss of one seed is no mean: neither of a setting whose other seed is missing, nor is a
// setting done of which one seed failed in the last part.
TEST_F(RungsTest, ATrialNeedsAllItsSeeds) {
  AddWorker("w1", /*slots=*/8);
  std::vector<recipe::JobNode> nodes;
  for (const char* name : {"a1", "a2", "b1", "b2"}) {
    nodes.push_back(Part(std::string(name) + "@rung_1", name[0] - 'a', 1, 0));
    nodes.push_back(Part(name, name[0] - 'a', 2, 1));
  }
  const std::string run = SubmitJobs(nodes);
  for (const char* job : {"a1@rung_1", "a2@rung_1"}) Finish(run, job, 1.0);
  for (const char* job : {"b1@rung_1", "b2@rung_1"}) Finish(run, job, 2.0);
  Finish(run, "a1", 1.0);
  Finish(run, "a2", -1);
  EXPECT_EQ(StateOfRun(run), RunState::kFailed);
  EXPECT_THAT(core_->state().FindRun(run)->error, HasSubstr("no setting of dense came to its end"));
}

// Two paths are compared, and the two starts of each one's composite. That of the path that was
// stopped is not tried, which is no failure.
TEST_F(RungsTest, WhatIsNotTriedNeedNotComeToItsEnd) {
  AddWorker("w1", /*slots=*/8);
  std::vector<recipe::JobNode> nodes;
  for (const char* name : {"a", "b"}) {
    const std::string path = name;
    nodes.push_back(Part(path + "@rung_1", name[0] - 'a', 1, 0, "path"));
    nodes.push_back(Part(path, name[0] - 'a', 2, 1, "path"));
    for (int64_t start : {0, 1}) {
      const std::string joint = path + "-c" + std::to_string(start);
      nodes.push_back(Part(joint + "@rung_1", start, 1, 0, "c-" + path));
      nodes.back().parents = {path};
      nodes.push_back(Part(joint, start, 2, 1, "c-" + path));
    }
  }
  const std::string run = SubmitJobs(nodes);
  Finish(run, "a@rung_1", 2.0);
  Finish(run, "b@rung_1", 3.0);
  EXPECT_TRUE(Job(run, "b-c0@rung_1").left_behind);
  EXPECT_TRUE(Job(run, "b-c1").left_behind);
  Finish(run, "a", 1.0);
  Finish(run, "a-c0@rung_1", 1.0);
  Finish(run, "a-c1@rung_1", 0.5);
  Finish(run, "a-c1", 0.4);
  EXPECT_EQ(StateOfRun(run), RunState::kSucceeded);
}

// What a machine did to a training says nothing about its setting: the run fails, and a retry does
// it again.
TEST_F(RungsTest, AFailureThatIsNotTheSettingsFailsTheRun) {
  const std::string run = SubmitTrials({"a", "b"}, 1);
  for (int tries = 0; tries < 100 && !Ended(Job(run, "a@rung_1").state); ++tries) {
    if (Job(run, "a@rung_1").state == JobState::kActive) {
      EXPECT_TRUE(Beat(workers_["w1"]).ok());
      const RankKey rank = RankOf(run, "a@rung_1");
      EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(rank, tx); }).ok());
      EXPECT_TRUE(End(rank, "w1", false, "system", "killed").ok());
    }
    clock_.Advance(600'000);
    EXPECT_TRUE(Beat(workers_["w1"]).ok());
    Turn();
  }
  ASSERT_EQ(Job(run, "a@rung_1").state, JobState::kFailed);
  EXPECT_FALSE(Job(run, "a@rung_1").left_behind);
  EXPECT_EQ(Job(run, "a@rung_2").error, "a@rung_1 did not succeed");
}

TEST_F(RungsTest, ARestartedCoordinatorDecidesTheSame) {
  const std::string run = SubmitTrials({"a", "b", "c", "d"}, 2);
  const std::vector<double> losses = {3.0, 2.0, 2.0, 2.0};
  for (size_t i = 0; i < losses.size(); ++i) {
    Finish(run, std::string(1, static_cast<char>('a' + i)) + "@rung_1", losses[i]);
    workers_.clear();
    Restart();
    AddWorker("w1", /*slots=*/8);
  }
  EXPECT_TRUE(Job(run, "a@rung_2").left_behind);
  EXPECT_FALSE(Ended(Job(run, "b@rung_2").state));
  EXPECT_FALSE(Ended(Job(run, "c@rung_2").state));
  EXPECT_TRUE(Job(run, "d@rung_2").left_behind);
}

// A retry takes over the trainings that succeeded, and compares them anew.
TEST_F(RungsTest, ARetryComparesWhatItTookOver) {
  const std::string run = SubmitTrials({"a", "b"}, 1);
  Finish(run, "a@rung_1", 3.0);
  Finish(run, "b@rung_1", 2.0);
  Finish(run, "b@rung_2", 2.0);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  EXPECT_TRUE(Beat(workers_["w1"]).ok());
  if (Job(run, "b").state == JobState::kCancelling) {
    EXPECT_TRUE(End(RankOf(run, "b"), "w1", false, "cancelled", "stopped").ok());
  }
  std::string again;
  EXPECT_TRUE(Do([&](Transaction& tx) {
                auto made = Retry(run, tx);
                if (made.ok()) again = *made;
                return made.status();
              }).ok());
  EXPECT_FALSE(Job(again, "a@rung_1").adopted_from.empty());
  EXPECT_TRUE(Job(again, "a@rung_2").left_behind);
  EXPECT_EQ(Job(again, "b").state, JobState::kActive);
}

// Part of a run: there is nothing to compare it with.
TEST_F(RungsTest, ATrialAloneGoesOn) {
  AddWorker("w1");
  const std::string run = SubmitJobs({Part("a@rung_1", 2, 1, 0), Part("a", 2, 2, 1)});
  Finish(run, "a@rung_1", 3.0);
  Finish(run, "a", 2.0);
  EXPECT_EQ(StateOfRun(run), RunState::kSucceeded);
}

// A parent that failed for another reason fails the run, as it does without a sweep.
TEST_F(RungsTest, WhatFailsOutsideOfTheSweepFailsTheRun) {
  AddWorker("w1", /*slots=*/8);
  std::vector<recipe::JobNode> nodes = {Node("tokenizer", "tokenizer"), Part("a@rung_1", 0, 1, 0),
                                        Part("a", 0, 2, 1), Part("b@rung_1", 1, 1, 0),
                                        Part("b", 1, 2, 1)};
  nodes[1].parents.push_back("tokenizer");
  const std::string run = SubmitJobs(nodes);
  Finish(run, "b@rung_1", 2.0);
  Finish(run, "tokenizer", -1);
  EXPECT_FALSE(Job(run, "a@rung_1").left_behind);
  EXPECT_EQ(Job(run, "a@rung_1").error, "tokenizer did not succeed");
  Finish(run, "b", 2.0);
  EXPECT_EQ(StateOfRun(run), RunState::kFailed);
}

// The first trial waits for the second, which is no wait for slots.
TEST_F(RungsTest, TheWaitForARungIsNoneForSlots) {
  const std::string run = SubmitTrials({"a", "b"}, 2);
  Finish(run, "a@rung_1", 2.0);
  clock_.Advance(60'000);
  Finish(run, "b@rung_1", 1.0);
  EXPECT_TRUE(Beat(workers_["w1"]).ok());
  ASSERT_EQ(Job(run, "a@rung_2").state, JobState::kActive);
  EXPECT_LT(core_->counters().durations.queue_wait.at("train").sum(), 60);
}

}  // namespace
}  // namespace braid::coordinator
