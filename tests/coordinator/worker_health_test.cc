// Workers on which jobs fail one after another: when they get no new ones, and when they do again.
#include "coordinator/core/admission.h"
#include "coordinator/core/health.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class HealthOfWorkersTest : public CoreTest {
 protected:
  // A worker with room for all, which runs jobs of these names; the run.
  std::string Run(const std::vector<std::string>& names, const std::string& worker = "w1") {
    if (!workers_.contains(worker)) AddWorker(worker, 32);
    std::vector<recipe::JobNode> nodes;
    for (const std::string& name : names) nodes.push_back(Node(name, "train"));
    const std::string run = SubmitJobs(nodes);
    EXPECT_TRUE(Beat(workers_[worker]).ok());
    return run;
  }
  // Another worker that could do the same and has no slot left, so that w1 can be done without.
  void AddStandIn() {
    FakeWorker& busy = AddWorker("busy", 1);
    (void)SubmitJobs({Node("hold", "train")});
    EXPECT_TRUE(Beat(busy).ok());
  }
  std::string WorkerOf(const std::string& run, const std::string& job) {
    return core_->state().FindAttempt({run, job, Job(run, job).epoch})->workers[0];
  }
  // The program of the job's attempt ran and failed.
  void Fail(const std::string& run, const std::string& job, const std::string& category = "infra",
            const std::string& reason = "") {
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, job), tx); }).ok());
    EXPECT_TRUE(
        End(RankOf(run, job), WorkerOf(run, job), false, category, "the GPU is gone", reason).ok());
  }
  const catalog::WorkerHealth& HealthOf(const std::string& worker) {
    return core_->state().image().workers.at(worker).health;
  }
  std::string Quarantine(const std::string& worker) {
    return QuarantineOf(core_->state().image().workers.at(worker), core_->state());
  }
  std::vector<catalog::EventRecord> Events(const std::string& kind) {
    std::vector<catalog::EventRecord> found;
    const std::vector<catalog::EventRecord> events = store_.ReadEvents({}).value();
    for (const catalog::EventRecord& event : events) {
      if (event.kind == kind) found.push_back(event);
    }
    return found;
  }
  // Time passes, and the worker is heard meanwhile.
  void Pass(int64_t ms) {
    clock_.Advance(ms);
    for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
    for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  }
};

TEST_F(HealthOfWorkersTest, ThreeJobsInARowPutItIntoQuarantineThatGrows) {
  AddStandIn();
  const std::string run = Run({"a", "b", "c", "d"});
  for (const char* job : {"a", "b"}) Fail(run, job);
  EXPECT_EQ(Job(run, "a").state, JobState::kActive) << "it is tried again at once";
  EXPECT_EQ(Quarantine("w1"), "");
  Fail(run, "c");
  EXPECT_THAT(Quarantine("w1"), AllOf(HasSubstr("worker w1 is in quarantine until "),
                                      HasSubstr("3 jobs in a row failed there; the last, " + run +
                                                "/c: the GPU is gone"),
                                      HasSubstr("`braid worker release w1`")));
  EXPECT_EQ(Job(run, "d").state, JobState::kActive) << "what runs goes on";
  EXPECT_EQ(Job(run, "c").state, JobState::kQueued);
  const PendingView pending = core_->state().PendingOf(Job(run, "c")).value();
  EXPECT_EQ(pending.reason, scheduler::Reason::kWaitingCapacity);
  EXPECT_THAT(pending.detail, HasSubstr(Quarantine("w1")));
  ASSERT_EQ(Events("worker.quarantined").size(), 1u);
  EXPECT_EQ(Events("worker.quarantined")[0].worker, "w1");
  EXPECT_EQ(Events("worker.quarantined")[0].detail, Quarantine("w1"));
  // A restart of the coordinator or of the worker changes nothing.
  Restart();
  workers_["w1"].record.cpu_slots = 9;
  Connect(workers_["busy"]);  // first: who is alone gets jobs in quarantine, too
  Connect(workers_["w1"]);
  Pass(60'000);
  EXPECT_NE(Quarantine("w1"), "");
  EXPECT_EQ(Job(run, "c").state, JobState::kQueued);
  // The time is over. One more failure, and it is twice as long.
  Pass(240'000);
  EXPECT_EQ(Quarantine("w1"), "");
  EXPECT_EQ(Job(run, "c").state, JobState::kActive);
  Fail(run, "c");
  EXPECT_EQ(HealthOf("w1").quarantine_until_ms, clock_.WallMs() + 600'000);
  EXPECT_EQ(Events("worker.quarantined").size(), 2u);
}

TEST_F(HealthOfWorkersTest, AJobThatSucceedsEndsItAndAllCounting) {
  AddStandIn();
  const std::string run = Run({"a", "b", "c", "d"});
  for (const char* job : {"a", "b", "c"}) Fail(run, job);
  ASSERT_NE(Quarantine("w1"), "");
  EXPECT_TRUE(End(RankOf(run, "d"), "w1", true).ok());
  EXPECT_EQ(HealthOf("w1"), catalog::WorkerHealth());
  EXPECT_EQ(Quarantine("w1"), "");
  ASSERT_EQ(Events("worker.released").size(), 1u);
  EXPECT_EQ(Events("worker.released")[0].detail,
            "it gets jobs again: job " + run + "/d has succeeded there");
  Pass(10'000);
  EXPECT_EQ(Job(run, "c").state, JobState::kActive);
  for (const char* job : {"a", "b"}) Fail(run, job);
  EXPECT_EQ(Quarantine("w1"), "") << "two in a row since then";
}

TEST_F(HealthOfWorkersTest, SomebodyMayReleaseIt) {
  AddStandIn();
  const std::string run = Run({"a", "b", "c"});
  for (const char* job : {"a", "b", "c"}) Fail(run, job);
  ASSERT_NE(Quarantine("w1"), "");
  EXPECT_TRUE(Do([&](Transaction& tx) { return Release("w1", tx); }).ok());
  EXPECT_EQ(Quarantine("w1"), "");
  EXPECT_EQ(HealthOf("w1"), catalog::WorkerHealth());
  EXPECT_EQ(Job(run, "c").state, JobState::kActive);
  EXPECT_EQ(Events("worker.released").at(0).detail, "it gets jobs again: somebody has released it");
  EXPECT_TRUE(Do([&](Transaction& tx) { return Release("w1", tx); }).ok()) << "again";
  EXPECT_EQ(Events("worker.released").size(), 1u);
  const Status nobody = Do([&](Transaction& tx) { return Release("w9", tx); });
  EXPECT_EQ(nobody.code(), StatusCode::kNotFound);
  EXPECT_EQ(nobody.message(), "there is no worker w9: `braid worker list` shows all");
}

TEST_F(HealthOfWorkersTest, JobsThatFailEverywherePutNoWorkerIntoQuarantine) {
  AddWorker("w1", 8);
  AddWorker("w2", 8);
  const std::string run = Run({"a", "b", "c", "d", "e"});
  EXPECT_TRUE(Beat(workers_["w2"]).ok());
  // Each is lost on one worker, then on the other.
  for (int round = 0; round < 2; ++round) {
    for (const char* job : {"a", "b", "c", "d", "e"}) {
      if (Job(run, job).state == JobState::kActive) Fail(run, job);
      EXPECT_TRUE(Beat(workers_["w1"]).ok());
      EXPECT_TRUE(Beat(workers_["w2"]).ok());
    }
    Pass(10'000);
  }
  for (const char* job : {"a", "b", "c", "d", "e"})
    EXPECT_GE(Job(run, job).counters.infra_losses, 2) << job;
  for (const char* worker : {"w1", "w2"}) {
    EXPECT_EQ(Quarantine(worker), "") << worker;
    EXPECT_TRUE(HealthOf(worker).failures.empty()) << worker;
  }
}

TEST_F(HealthOfWorkersTest, ASecondWorkerOnWhichAJobFailsAcquitsTheFirst) {
  AddStandIn();
  const std::string run = Run({"a", "b", "c"});
  for (const char* job : {"a", "b", "c"}) Fail(run, job);
  ASSERT_NE(Quarantine("w1"), "");
  FakeWorker& second = AddWorker("w2", 1);
  EXPECT_TRUE(Beat(second).ok());
  Pass(5'000);
  std::string there;
  for (const char* job : {"a", "b", "c"}) {
    if (Job(run, job).state == JobState::kActive) there = job;
  }
  ASSERT_EQ(WorkerOf(run, there), "w2");
  Fail(run, there);
  EXPECT_EQ(Quarantine("w1"), "");
  EXPECT_EQ(HealthOf("w1").failures.size(), 2u);
  EXPECT_TRUE(HealthOf("w2").failures.empty()) << "the job is suspect, and not the worker";
  EXPECT_EQ(Events("worker.released").at(0).detail,
            "it gets jobs again: job " + run + "/" + there +
                " failed on several workers, so it is not their fault");
}

TEST_F(HealthOfWorkersTest, WhatIsNotTheWorkersFaultDoesNotCount) {
  const std::string run = Run({"a", "b", "c", "d"});
  for (const char* job : {"a", "b", "c", "d"}) Fail(run, job, "user");
  EXPECT_EQ(HealthOf("w1"), catalog::WorkerHealth());
  const std::string full = Run({"a", "b", "c", "d"});
  for (const char* job : {"a", "b", "c", "d"}) Fail(full, job, "infra", "STORAGE_FULL");
  EXPECT_EQ(HealthOf("w1"), catalog::WorkerHealth());
  Pass(70'000);
  // Nor that it is started again while jobs run there.
  const std::string lost = Run({"a", "b", "c", "d"});
  Disconnect(workers_["w1"]);
  workers_["w1"].record.boot_id = "w1-boot-2";
  workers_["w1"].ranks.clear();
  Connect(workers_["w1"]);
  EXPECT_GE(Job(lost, "d").counters.infra_losses, 1);
  EXPECT_EQ(HealthOf("w1"), catalog::WorkerHealth());
}

// Of a gang on several workers nobody knows which one was at fault; on one worker it is that.
TEST_F(HealthOfWorkersTest, AGangCountsWhereItRunsOnOneWorker) {
  FakeWorker& worker = AddWorker("w1", 8);
  for (int i = 0; i < 3; ++i) {
    const std::string run = SubmitJobs({Node("gang", "joint", {}, 2)});
    EXPECT_TRUE(Beat(worker).ok());
    ASSERT_EQ(Job(run, "gang").state, JobState::kActive);
    EndedCommand peer;
    peer.rank = RankOf(run, "gang", 1);
    peer.worker = "w1";
    peer.peer_lost = true;
    peer.failure = {"infra", "a peer is gone", "", false};
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(peer, tx); }).ok());
    EXPECT_EQ(HealthOf("w1").failures.size(), static_cast<size_t>(i)) << "the cause comes later";
    EXPECT_TRUE(End(RankOf(run, "gang"), "w1", false, "infra", "the GPU is gone").ok());
    EXPECT_EQ(HealthOf("w1").failures.size(), static_cast<size_t>(i) + 1);
    EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
    EXPECT_TRUE(Beat(worker).ok());
  }
  EXPECT_GT(HealthOf("w1").quarantine_until_ms, 0);
}

// Jobs that wait for nobody are no better than jobs that may fail.
TEST_F(HealthOfWorkersTest, TheOnlyWorkerOfItsKindIsNotPassedOver) {
  const std::string run = Run({"a", "b", "c"});
  for (const char* job : {"a", "b", "c"}) Fail(run, job);
  EXPECT_GT(HealthOf("w1").quarantine_until_ms, 0);
  EXPECT_EQ(Quarantine("w1"), "");
  EXPECT_EQ(Job(run, "c").state, JobState::kActive);
  EXPECT_THAT(Events("worker.quarantined").at(0).detail,
              HasSubstr("until another worker that could do the same is there, it gets jobs all "
                        "the same"));
  FakeWorker& other = AddWorker("w2", 1);
  other.record.kinds = {"merge"};
  Connect(other);
  EXPECT_EQ(Quarantine("w1"), "") << "it cannot train";
  other.record.kinds = {};
  Connect(other);
  EXPECT_NE(Quarantine("w1"), "");
  Disconnect(other);
  EXPECT_EQ(Quarantine("w1"), "");
}

// Two sick workers would acquit each other for ever.
TEST_F(HealthOfWorkersTest, AJobThatSucceedsOnAThirdWorkerSpeaksAgainstTheFirstTwo) {
  AddWorker("w1", 1);
  AddWorker("w2", 1);
  const std::string run = SubmitJobs({Node("a", "train")});
  for (int i = 0; i < 2; ++i) {
    Pass(5'000);
    ASSERT_EQ(Job(run, "a").state, JobState::kActive);
    Fail(run, "a");
  }
  EXPECT_TRUE(HealthOf("w1").failures.empty());
  EXPECT_TRUE(HealthOf("w2").failures.empty());
  for (const char* worker : {"w1", "w2"})
    EXPECT_TRUE(Do([&](Transaction& tx) { return Cordon(worker, /*open=*/false, tx); }).ok());
  AddWorker("w3", 1);
  Pass(5'000);
  ASSERT_EQ(WorkerOf(run, "a"), "w3");
  EXPECT_TRUE(End(RankOf(run, "a"), "w3", true).ok());
  EXPECT_EQ(HealthOf("w1").failures.size(), 1u);
  EXPECT_EQ(HealthOf("w2").failures.size(), 1u);
  EXPECT_TRUE(HealthOf("w3").failures.empty());
}

// It does well whatever needs no Parquet.
TEST_F(HealthOfWorkersTest, AWorkerThatLacksAPluginIsNotIll) {
  AddStandIn();
  const std::string run = Run({"a", "b", "c", "d"});
  for (const char* job : {"a", "b", "c", "d"}) Fail(run, job, "infra", "PLUGIN_MISSING");
  EXPECT_EQ(Quarantine("w1"), "");
}

}  // namespace
}  // namespace braid::coordinator
