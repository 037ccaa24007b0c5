#include "coordinator/core/core.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/runs.h"
#include "coordinator/core/sessions.h"
#include "storage/catalog/catalog.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The real catalog, which can be told that the disk is full.
class FaultyStore final : public catalog::Store {
 public:
  explicit FaultyStore(const std::string& path) : catalog_(catalog::Catalog::Open({path, 0}).value()) {}
  Status Commit(const catalog::Updates& updates, int64_t time_ms) override {
    if (full && !updates.empty()) return Status(StatusCode::kResourceExhausted, "STORAGE_FULL", "the disk is full");
    return catalog_->Commit(updates, time_ms);
  }
  Result<catalog::Image> Load() override { return catalog_->Load(); }
  Result<std::vector<catalog::EventRecord>> ReadEvents(const EventQuery& query) override { return catalog_->ReadEvents(query); }

  bool full = false;

 private:
  std::unique_ptr<catalog::Catalog> catalog_;
};

class FakeSink final : public SessionSink {
 public:
  void Push(std::shared_ptr<const Desired> desired) override { newest = std::move(desired); }
  void Replaced(const std::string& why) override { replaced = why; }
  std::shared_ptr<const Desired> newest;
  std::string replaced;
};

// A worker as the coordinator sees it: does at once what it is told, unless the test says otherwise.
struct FakeWorker {
  catalog::WorkerRecord record;
  std::shared_ptr<FakeSink> sink;
  int64_t session = 0;
  std::set<RankKey> ranks;
  bool obedient = true;   // takes ranks that it is told to run
};

recipe::JobNode Node(const std::string& name, const std::string& kind, std::map<std::string, recipe::InputRef> inputs = {},
                     int32_t ranks = 1) {
  recipe::JobNode node;
  node.name = name;
  node.kind = kind;
  for (const auto& [role, ref] : inputs) node.parents.push_back(ref.job);
  node.inputs = std::move(inputs);
  node.ranks = ranks;
  return node;
}

catalog::ArtifactRecord Artifact(const std::string& id, const std::string& role) {
  catalog::ArtifactRecord artifact;
  artifact.id = id;
  artifact.kind = "checkpoint";
  artifact.manifest = "{}";
  artifact.metadata = "{}";
  artifact.role = role;
  return artifact;
}

// A coordinator whose loop is turned by hand. After every turn the state in memory must be what a reload gives.
class CoreTest : public ::testing::Test {
 protected:
  CoreTest() { Restart(); }

  void Restart() {
    Options options;
    options.store = &store_;
    options.clock = &clock_;
    options.uniform = [] { return 0.5; };
    options.run_id = [this] { return "r-" + std::to_string(++runs_); };
    core_ = Core::Create(options).value();
  }

  Status Do(std::function<Status(Transaction&)> decide) {
    Status answer = Internal("not answered");
    core_->Post({std::move(decide), nullptr, [&](Status status) { answer = std::move(status); }});
    Turn();
    return answer;
  }

  void Turn() {
    ASSERT_TRUE(core_->Step().ok());
    ASSERT_TRUE(store_.Load().value() == core_->state().image()) << "memory and catalog differ";
  }

  FakeWorker& AddWorker(const std::string& id, int64_t slots = 1) {
    FakeWorker& worker = workers_[id];
    worker.record.id = id;
    worker.record.boot_id = id + "-boot-1";
    worker.record.site = "local";
    worker.record.cpu_slots = slots;
    Connect(worker);
    return worker;
  }

  void Connect(FakeWorker& worker) {
    worker.sink = std::make_shared<FakeSink>();
    EXPECT_TRUE(Do([&](Transaction& tx) {
      const auto session = Hello(worker.record, worker.sink, tx);
      if (session.ok()) worker.session = *session;
      return session.status();
    }).ok());
  }

  // The worker makes itself match what it was told last, and says what it has.
  Status Beat(FakeWorker& worker) {
    SignalCommand signal;
    signal.worker = worker.record.id;
    signal.session_id = worker.session;
    if (worker.sink->newest != nullptr) {
      std::set<RankKey> wanted;
      for (const Assignment& rank : worker.sink->newest->ranks) wanted.insert({rank.attempt, rank.rank});
      std::erase_if(worker.ranks, [&](const RankKey& key) { return !wanted.contains(key); });
      if (worker.obedient) worker.ranks.insert(wanted.begin(), wanted.end());
      signal.seen_version = worker.sink->newest->version;
    }
    for (const RankKey& key : worker.ranks) signal.ranks.push_back({key, true, std::nullopt});
    return Do([&](Transaction& tx) { return Signal(signal, tx); });
  }

  std::string SubmitJobs(std::vector<recipe::JobNode> jobs) {
    SubmitCommand command;
    command.dag.run = "small";
    command.dag.jobs = std::move(jobs);
    command.recipe = "run: small\n";
    std::string id;
    EXPECT_TRUE(Do([&](Transaction& tx) {
      auto run = Submit(command, tx);
      if (run.ok()) id = *run;
      return run.status();
    }).ok());
    return id;
  }

  Status End(const RankKey& rank, const std::string& worker, bool success, const std::string& category = "",
             const std::string& error = "") {
    EndedCommand command;
    command.rank = rank;
    command.worker = worker;
    command.success = success;
    if (success && rank.rank == 0) command.outputs = {Artifact(std::string(64, 'a'), "model")};
    command.failure = {category, error, "", false};
    const Status status = Do([&](Transaction& tx) { return ReportEnded(command, tx); });
    if (status.ok()) workers_[worker].ranks.erase(rank);
    return status;
  }

  const JobRecord& Job(const std::string& run, const std::string& name) { return *core_->state().FindJob({run, name}); }
  RankKey RankOf(const std::string& run, const std::string& job, int64_t rank = 0) {
    return {{run, job, Job(run, job).epoch}, rank};
  }
  std::vector<int64_t> EpochsTold(const FakeWorker& worker) {
    std::vector<int64_t> epochs;
    for (const Assignment& rank : worker.sink->newest->ranks) epochs.push_back(rank.attempt.epoch);
    return epochs;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  FaultyStore store_{folder_.path() + "/braid.db"};
  SimulatedClock clock_;
  int runs_ = 0;
  std::unique_ptr<Core> core_;
  std::map<std::string, FakeWorker> workers_;
};

TEST_F(CoreTest, ARunGoesThroughItsGraph) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train"), Node("b", "train", {{"init", {"a", "model", "", ""}}})});
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

TEST_F(CoreTest, AStaleEpochChangesNothing) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey first = RankOf(run, "a");
  EXPECT_TRUE(End(first, "w1", false, "infra", "a disk fell out").ok());
  EXPECT_EQ(Job(run, "a").epoch, 2);
  const catalog::Image before = core_->state().image();
  const Status checkpoint = Do([&](Transaction& tx) { return CommitCheckpoint(first, 5, Artifact("c", "checkpoint"), tx); });
  EXPECT_EQ(checkpoint.reason(), "STALE_LEASE");
  EXPECT_THAT(checkpoint.message(), HasSubstr(run + "/a#1"));
  EXPECT_EQ(Do([&](Transaction& tx) { return ReportStarted(first, tx); }).reason(), "STALE_LEASE");
  EXPECT_EQ(End({{run, "a", 2}, 0}, "w2", true).reason(), "STALE_LEASE") << "leased to another worker";
  EXPECT_TRUE(core_->state().image() == before);
}

TEST_F(CoreTest, ANewBootEndsWhatTheOldOneRan) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) { return CommitCheckpoint(RankOf(run, "a"), 5, Artifact("c", "checkpoint"), tx); }).ok());
  worker.record.boot_id = "w1-boot-2";
  worker.ranks.clear();
  const auto old_sink = worker.sink;
  Connect(worker);
  EXPECT_THAT(old_sink->replaced, HasSubstr("w1"));
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kLost);
  ASSERT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 2})->checkpoint, "c");
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 2})->resumed_step, 5);
}

TEST_F(CoreTest, ARankThatItsWorkerDoesNotHaveIsGivenOutAgain) {
  FakeWorker& worker = AddWorker("w1");
  worker.obedient = false;  // as one that is leaving, or whose report was lost
  const std::string run = SubmitJobs({Node("a", "train")});
  Turn();
  EXPECT_EQ(Job(run, "a").epoch, 1) << "it has not seen the assignment yet";
  EXPECT_TRUE(Beat(worker).ok());
  const AttemptRecord& attempt = *core_->state().FindAttempt({run, "a", 1});
  EXPECT_EQ(attempt.state, AttemptState::kLost);
  EXPECT_THAT(attempt.failure.error, HasSubstr("worker w1 does not run it"));
  EXPECT_EQ(Job(run, "a").epoch, 2);
  worker.obedient = true;
  EXPECT_TRUE(Beat(worker).ok());
  clock_.Advance(5'000);
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_EQ(Job(run, "a").epoch, 2) << "now it runs";
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
}

TEST_F(CoreTest, AReconnectedWorkerIsNotBlamedBeforeItHasSeenItsRanks) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  Connect(worker);  // the same boot, a new stream
  Turn();
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_EQ(Job(run, "a").epoch, 1);
}

TEST_F(CoreTest, AGangGoesOnWhenARankHasEndedWellAndTheCoordinatorWasRestarted) {
  AddWorker("w1");
  AddWorker("w2");
  const std::string run = SubmitJobs({Node("a", "joint", {}, /*ranks=*/2)});
  for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  const AttemptRecord& attempt = *core_->state().FindAttempt({run, "a", 1});
  ASSERT_THAT(attempt.workers, SizeIs(2));
  const std::string second = attempt.workers[1], first = attempt.workers[0];
  EXPECT_TRUE(End({{run, "a", 1}, 1}, second, true).ok());
  Restart();
  workers_[second].obedient = false;  // it remembers that this rank is done
  for (auto& [id, worker] : workers_) Connect(worker);
  for (int i = 0; i < 3; ++i) {
    for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  }
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kOffered) << "rank 0 still writes its model";
  EXPECT_TRUE(End({{run, "a", 1}, 0}, first, true).ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kSucceeded);
}

TEST_F(CoreTest, AFailedRankEndsItsGangAsAWhole) {
  AddWorker("w1");
  AddWorker("w2");
  const std::string run = SubmitJobs({Node("a", "joint", {}, /*ranks=*/2)});
  for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  const std::string second = core_->state().FindAttempt({run, "a", 1})->workers[1];
  EXPECT_TRUE(End({{run, "a", 1}, 1}, second, false, "infra", "killed").ok());
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kStopping);
  EXPECT_EQ(Job(run, "a").epoch, 1) << "rank 0 may still run";
  FakeWorker& other = workers_[core_->state().FindAttempt({run, "a", 1})->workers[0]];
  ASSERT_THAT(other.sink->newest->ranks, SizeIs(1));
  EXPECT_TRUE(other.sink->newest->ranks[0].stop);
  EXPECT_TRUE(End({{run, "a", 1}, 0}, other.record.id, false, "cancelled", "stopped").ok());
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->failure.error, "killed");
  EXPECT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(Job(run, "a").counters.infra_losses, 1);
}

TEST_F(CoreTest, WhatAFullDiskRefusesDidNotHappen) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  store_.full = true;
  EXPECT_EQ(End(RankOf(run, "a"), "w1", true).reason(), "STORAGE_FULL");
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
  EXPECT_EQ(Do([&](Transaction& tx) { return Cancel(run, tx); }).reason(), "STORAGE_FULL");
  EXPECT_FALSE(core_->state().FindRun(run)->cancel_requested);
  store_.full = false;
  clock_.Advance(2'000);
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kSucceeded);
}

// Whatever a worker says: what is stored, listed and sent is a message.
TEST_F(CoreTest, AFailureOfMegabytesIsStoredAsAMessage) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  const std::string said = "rows.jsonl:7: " + std::string(5'000'000, 'x') + " is no number\xE9";
  for (int i = 0; i < 20 && Job(run, "a").state != JobState::kFailed; ++i) {
    clock_.Advance(20'000);
    EXPECT_TRUE(Beat(worker).ok());
    if (Job(run, "a").state != JobState::kActive) continue;
    EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "user", said).ok());
  }
  ASSERT_EQ(Job(run, "a").state, JobState::kFailed);
  for (const std::string& error : {Job(run, "a").error, core_->state().FindRun(run)->error, core_->state().FindAttempt({run, "a", 1})->failure.error}) {
    EXPECT_THAT(error, HasSubstr("rows.jsonl:7: xxx"));
    EXPECT_THAT(error, HasSubstr("is no number\xEF\xBF\xBD"));
    EXPECT_LT(error.size(), 1700u);
  }
}

TEST_F(CoreTest, ACancelledRunEndsWhenItsRanksAreGone) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train"), Node("b", "train", {{"init", {"a", "model", "", ""}}})});
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

TEST_F(CoreTest, ARestartedCoordinatorWaitsForTheWorkersThatHoldLeases) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  Restart();
  clock_.Advance(50'000);
  Turn();
  EXPECT_EQ(Job(run, "a").epoch, 1);
  Connect(worker);
  EXPECT_THAT(EpochsTold(worker), ElementsAre(1));
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_EQ(core_->state().FindRun(run)->state, RunState::kSucceeded);
}

TEST_F(CoreTest, ASilentWorkerIsLostAndItsJobGoesElsewhere) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  AddWorker("w2");
  for (int second = 0; second < 90; ++second) {  // past the minute in which nothing expires after a start
    clock_.Advance(1'000);
    EXPECT_TRUE(Beat(workers_["w2"]).ok());
  }
  ASSERT_EQ(Job(run, "a").epoch, 2);
  EXPECT_THAT(core_->state().FindAttempt({run, "a", 2})->workers, ElementsAre("w2"));
  EXPECT_EQ(End({{run, "a", 1}, 0}, "w1", true).reason(), "STALE_LEASE");
}

TEST_F(CoreTest, ABackOffEndsAlsoWhenTheWallClockIsSetBack) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  for (int64_t epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_TRUE(Beat(worker).ok());
    EXPECT_TRUE(End({{run, "a", epoch}, 0}, "w1", false, "infra", "lost").ok());
    if (Job(run, "a").not_before_ms > 0) break;
  }
  ASSERT_GT(Job(run, "a").not_before_ms, clock_.WallMs());
  clock_.JumpWall(-7'200'000);
  Turn();
  EXPECT_EQ(Job(run, "a").state, JobState::kActive) << "not in two hours";
}

TEST_F(CoreTest, ARetriedRunKeepsWhatHasSucceeded) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train"), Node("b", "train", {{"init", {"a", "model", "", ""}}})});
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) { return CommitCheckpoint(RankOf(run, "b"), 7, Artifact("c", "checkpoint"), tx); }).ok());
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
  EXPECT_EQ(core_->state().FindAttempt({again, "b", 1})->resumed_step, 7) << "the same inputs: from its checkpoint";
}

TEST_F(CoreTest, TheSameRequestIsAnsweredOnce) {
  AddWorker("w1");
  const auto submit = [&](const std::string& body, std::string* id) {
    return Do([&, body, id](Transaction& tx) {
      auto answer = Once({"SubmitRun", "key-1", body}, tx, [](Transaction& inner) {
        SubmitCommand command;
        command.dag.run = "x";
        command.dag.jobs = {Node("a", "train")};
        return Submit(command, inner);
      });
      if (answer.ok()) *id = *answer;
      return answer.status();
    });
  };
  std::string first, second;
  EXPECT_TRUE(submit("body", &first).ok());
  Restart();
  EXPECT_TRUE(submit("body", &second).ok());
  EXPECT_EQ(first, second);
  EXPECT_THAT(core_->state().image().runs, SizeIs(1));
  EXPECT_EQ(submit("another body", &second).reason(), "REQUEST_ID_REUSED");
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
