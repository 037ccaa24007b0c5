// What happens in the core becomes the alert that people asked for.
#include "coordinator/alerts/event_alerts.h"

#include "coordinator/api/pools.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using alert::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EventAlertsTest : public CoreTest {
 protected:
  EventAlertsTest() { compare_ = false; }

  // The alerts of all that has happened, as a channel gets them. Runs are not looked up.
  std::vector<alert::Alert> Alerts() {
    std::vector<alert::Alert> found;
    const std::vector<catalog::EventRecord> events = store_.ReadEvents({}).value();
    for (const catalog::EventRecord& event : events) {
      if (const std::optional<Kind> kind = AlertKindOf(event); kind.has_value())
        found.push_back(AlertOf(*kind, event, nullptr, "0123456789abcdef", "http://here"));
    }
    return found;
  }
  std::vector<Kind> Kinds() {
    std::vector<Kind> kinds;
    for (const alert::Alert& alert : Alerts()) kinds.push_back(alert.kind);
    return kinds;
  }
  // Jobs of these names run on worker w; the run.
  std::string Run(const std::vector<std::string>& names) {
    FakeWorker& worker = AddWorker("w", 8);
    std::vector<recipe::JobNode> nodes;
    for (const std::string& name : names) {
      nodes.push_back(Node(name, "train"));
      nodes.back().spec = Json{{"train", Json{{"stall_timeout", 60}}}};
    }
    std::string run = SubmitJobs(nodes);
    EXPECT_TRUE(Beat(worker).ok());
    for (const std::string& name : names) {
      EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, name), tx); }).ok());
    }
    return run;
  }
};

TEST_F(EventAlertsTest, WhatGoesWellIsNoAlertBeforeTheEnd) {
  const std::string run = Run({"path"});
  EXPECT_THAT(Kinds(), IsEmpty());
  ASSERT_TRUE(End(RankOf(run, "path"), "w", true).ok());
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kDone));
  const alert::Alert done = Alerts()[0];
  EXPECT_EQ(done.title, "run " + run + " is done");
  EXPECT_EQ(done.command, "braid report " + run);
  EXPECT_EQ(done.url, "http://here/#/run/" + run);
  EXPECT_EQ(done.id, "0123456789ab-" + std::to_string(done.seq));
}

TEST_F(EventAlertsTest, ATrainingThatMakesNoStepHasStalled) {
  const std::string run = Run({"path"});
  workers_["w"].progress = task::Progress{"training", "steps", 40, 100, -1, -1, 1};
  for (int i = 0; i < 14; ++i) {
    clock_.Advance(5'000);
    ASSERT_TRUE(Beat(workers_["w"]).ok());
  }
  ASSERT_THAT(Kinds(), ElementsAre(Kind::kStalled));
  const alert::Alert stalled = Alerts()[0];
  EXPECT_EQ(stalled.title, "training path of run " + run + " made no step and was stopped");
  EXPECT_THAT(stalled.text, HasSubstr("no step for 1 min 00 s (training, 40 of 100 steps)"));
  EXPECT_EQ(stalled.command, "braid describe " + run + " path");
  // It is the abort that is told, not the end of the attempt that follows.
  ASSERT_TRUE(End(RankOf(run, "path"), "w", false, "preempted", "was killed").ok());
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kStalled));
}

TEST_F(EventAlertsTest, AnotherFailureIsNoDivergence) {
  const std::string run = Run({"path"});
  EndedCommand ended;
  ended.rank = RankOf(run, "path");
  ended.worker = "w";
  ended.failure = {"user", "no such file", "", /*deterministic=*/true, "", ""};
  ASSERT_TRUE(Do([&](Transaction& tx) { return ReportEnded(ended, tx); }).ok());
  ASSERT_THAT(Kinds(), ElementsAre(Kind::kFailed));
  EXPECT_EQ(Alerts()[0].title, "run " + run + " has failed");
}

TEST_F(EventAlertsTest, AWorkerThatIsSilentIsLost) {
  Run({"path"});
  Disconnect(workers_["w"]);
  for (int second = 0; second < 120; ++second) {  // past the minute in which nothing expires
    clock_.Advance(1'000);
    Turn();
  }
  ASSERT_THAT(Kinds(), ElementsAre(Kind::kWorkerLost));
  EXPECT_EQ(Alerts()[0].title, "worker w is lost");
  EXPECT_EQ(Alerts()[0].command, "braid worker list");
  EXPECT_EQ(Alerts()[0].url, "http://here/#/workers");
}

TEST_F(EventAlertsTest, AWorkerOnWhichJobsFailInARowIsInQuarantine) {
  const std::string run = Run({"a", "b", "c"});
  // It can be done without: another one could run them, and is busy.
  FakeWorker& busy = AddWorker("busy", 1);
  (void)SubmitJobs({Node("hold", "train")});
  ASSERT_TRUE(Beat(busy).ok());
  for (const char* job : {"a", "b", "c"})
    ASSERT_TRUE(End(RankOf(run, job), "w", false, "infra", "the GPU is gone").ok());
  ASSERT_THAT(Kinds(), ElementsAre(Kind::kWorkerQuarantined));
  EXPECT_EQ(Alerts()[0].title, "worker w is in quarantine: jobs fail there one after another");
  EXPECT_THAT(Alerts()[0].text, HasSubstr("the GPU is gone"));
  EXPECT_EQ(Alerts()[0].command, "braid worker describe w");
}

TEST_F(EventAlertsTest, APoolThatGetsNoWorkersIsInTrouble) {
  PoolTable table;
  PoolReport report;
  report.pool.name = "lab";
  report.pool.host = "login";
  report.agent_id = "agent";
  report.events = {{1, "asked", "job 7"},
                   {2, "refused", "invalid account"},
                   {3, "trouble", "squeue does not answer"},
                   {4, "well", "workers come again"}};
  ASSERT_TRUE(Do([&](Transaction& tx) { return table.Take(report, tx); }).ok());
  ASSERT_THAT(Kinds(), ElementsAre(Kind::kPoolTrouble, Kind::kPoolTrouble));
  EXPECT_EQ(Alerts()[0].title, "a pool cannot get its workers");
  EXPECT_THAT(Alerts()[0].text, HasSubstr("lab: invalid account"));
  EXPECT_THAT(Alerts()[1].text, HasSubstr("lab: squeue does not answer"));
  EXPECT_EQ(Alerts()[0].command, "braid pool list");
}

}  // namespace
}  // namespace braid::coordinator
