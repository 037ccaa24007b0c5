#include "coordinator/core/core.h"

#include <gmock/gmock.h>

#include <stdexcept>
#include <thread>

#include "base/file.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/pass.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/runs.h"
#include "coordinator/core/sessions.h"
#include "storage/catalog/catalog.h"

namespace braid::coordinator {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The real catalog, which can be told what is wrong with it.
class FaultyStore final : public catalog::Store {
 public:
  explicit FaultyStore(const std::string& path)
      : catalog_(catalog::Catalog::Open({path, 0}).value()) {}
  Status Commit(const catalog::Updates& updates, int64_t time_ms) override {
    if (updates.empty()) return OkStatus();
    if (full) return Status(StatusCode::kResourceExhausted, "STORAGE_FULL", "the disk is full");
    if (locked) return Unavailable("database is locked");
    if (broken) return Internal("disk I/O error");
    if (throws) throw std::runtime_error("no memory");
    for (const catalog::Update& update : updates) {
      const auto* created = std::get_if<catalog::RunCreated>(&update);
      if (created == nullptr || created->run.name != refused) continue;
      if (refused_for_room)
        return Status(StatusCode::kResourceExhausted, "STORAGE_FULL", "this one does not fit");
      return FailedPrecondition("CHECK constraint failed: " + refused);
    }
    ++commits;
    return catalog_->Commit(updates, time_ms);
  }
  Result<catalog::Image> Load() override { return catalog_->Load(); }
  Result<std::vector<catalog::EventRecord>> ReadEvents(const EventQuery& query) override {
    return catalog_->ReadEvents(query);
  }

  bool full = false;
  bool locked = false;
  bool broken = false;
  bool throws = false;
  std::string refused = "no run of this name";  // cannot be written,
  bool refused_for_room = false;                // for want of room or because of a constraint
  int commits = 0;

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

// A worker as the coordinator sees it: does at once what it is told, unless the test says
// otherwise.
struct FakeWorker {
  catalog::WorkerRecord record;
  std::shared_ptr<FakeSink> sink;
  int64_t session = 0;
  std::set<RankKey> ranks;
  bool obedient = true;  // takes ranks that it is told to run
  int64_t disk_free_bytes = -1;
};

recipe::JobNode Node(const std::string& name, const std::string& kind,
                     std::map<std::string, recipe::InputRef> inputs = {}, int32_t ranks = 1) {
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

// A coordinator whose loop is turned by hand. After every turn the state in memory must be what a
// reload gives.
class CoreTest : public ::testing::Test {
 protected:
  CoreTest() { Restart(); }

  void Restart() {
    Options options;
    options.store = &store_;
    options.clock = &clock_;
    options.uniform = [] { return 0.5; };
    options.run_id = [this] { return "r-" + std::to_string(++runs_); };
    options.network = network_;
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
    worker.record.folder = "/data/" + id;
    Connect(worker);
    return worker;
  }

  void Connect(FakeWorker& worker) { EXPECT_TRUE(SayHello(worker).ok()); }
  Status SayHello(FakeWorker& worker) {
    const auto sink = std::make_shared<FakeSink>();
    const Status status = Do([&](Transaction& tx) {
      const auto session = Hello(worker.record, sink, tx);
      if (session.ok()) worker.session = *session;
      return session.status();
    });
    if (status.ok()) worker.sink = sink;
    return status;
  }
  // Its stream broke, and the coordinator noticed.
  void Disconnect(FakeWorker& worker) {
    EXPECT_TRUE(Do([&](Transaction& tx) {
                  SessionClosed(worker.record.id, worker.session, tx);
                  return OkStatus();
                }).ok());
  }

  // A command whose answer comes when it comes.
  std::shared_ptr<std::optional<Status>> Post(std::function<Status(Transaction&)> decide) {
    auto answer = std::make_shared<std::optional<Status>>();
    core_->Post(
        {std::move(decide), nullptr, [answer](Status status) { *answer = std::move(status); }});
    return answer;
  }

  // The worker makes itself match what it was told last, and says what it has.
  Status Beat(FakeWorker& worker) {
    SignalCommand signal;
    signal.worker = worker.record.id;
    signal.session_id = worker.session;
    if (worker.sink->newest != nullptr) {
      std::set<RankKey> wanted;
      for (const Assignment& rank : worker.sink->newest->ranks) wanted.insert(rank.key);
      std::erase_if(worker.ranks, [&](const RankKey& key) { return !wanted.contains(key); });
      if (worker.obedient) worker.ranks.insert(wanted.begin(), wanted.end());
      signal.applied_version = worker.sink->newest->version;
    }
    for (const RankKey& key : worker.ranks) signal.ranks.push_back({key, std::nullopt});
    signal.disk_free_bytes = worker.disk_free_bytes;
    return Do([&](Transaction& tx) { return Signal(signal, tx); });
  }

  static SubmitCommand CommandOf(std::vector<recipe::JobNode> jobs,
                                 const std::string& name = "small") {
    SubmitCommand command;
    command.dag.run = name;
    command.dag.jobs = std::move(jobs);
    command.recipe = "run: small\n";
    return command;
  }
  std::string SubmitJobs(std::vector<recipe::JobNode> jobs, const std::string& user = "",
                         int64_t priority = 0) {
    SubmitCommand command = CommandOf(std::move(jobs));
    command.user = user;
    command.priority = priority;
    std::string id;
    EXPECT_TRUE(Do([&](Transaction& tx) {
                  auto run = Submit(command, tx);
                  if (run.ok()) id = *run;
                  return run.status();
                }).ok());
    return id;
  }

  Status End(const RankKey& rank, const std::string& worker, bool success,
             const std::string& category = "", const std::string& error = "",
             const std::string& reason = "") {
    EndedCommand command;
    command.rank = rank;
    command.worker = worker;
    command.success = success;
    if (success && rank.rank == 0) command.outputs = {Artifact(std::string(64, 'a'), "model")};
    command.failure = {category, error, "", false, reason};
    const Status status = Do([&](Transaction& tx) { return ReportEnded(command, tx); });
    if (status.ok()) workers_[worker].ranks.erase(rank);
    return status;
  }

  const JobRecord& Job(const std::string& run, const std::string& name) {
    return *core_->state().FindJob({run, name});
  }
  RankKey RankOf(const std::string& run, const std::string& job, int64_t rank = 0) {
    return {{run, job, Job(run, job).epoch}, rank};
  }
  std::vector<int64_t> EpochsTold(const FakeWorker& worker) {
    std::vector<int64_t> epochs;
    for (const Assignment& rank : worker.sink->newest->ranks) epochs.push_back(rank.key.epoch);
    return epochs;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  FaultyStore store_{folder_.path() + "/braid.db"};
  SimulatedClock clock_;
  int runs_ = 0;
  std::string network_;
  std::unique_ptr<Core> core_;
  std::map<std::string, FakeWorker> workers_;
};

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

TEST_F(CoreTest, AStaleEpochChangesNothing) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const RankKey first = RankOf(run, "a");
  EXPECT_TRUE(End(first, "w1", false, "infra", "a disk fell out").ok());
  EXPECT_EQ(Job(run, "a").epoch, 2);
  const catalog::Image before = core_->state().image();
  const Status checkpoint = Do(
      [&](Transaction& tx) { return CommitCheckpoint(first, 5, Artifact("c", "checkpoint"), tx); });
  EXPECT_EQ(checkpoint.reason(), "STALE_LEASE");
  EXPECT_THAT(checkpoint.message(), HasSubstr(run + "/a#1"));
  EXPECT_EQ(Do([&](Transaction& tx) { return ReportStarted(first, tx); }).reason(), "STALE_LEASE");
  EXPECT_EQ(End({{run, "a", 2}, 0}, "w2", true).reason(), "STALE_LEASE")
      << "leased to another worker";
  EXPECT_TRUE(core_->state().image() == before);
}

TEST_F(CoreTest, ANewBootEndsWhatTheOldOneRan) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) {
                return CommitCheckpoint(RankOf(run, "a"), 5, Artifact("c", "checkpoint"), tx);
              }).ok());
  worker.record.boot_id = "w1-boot-2";
  worker.ranks.clear();
  Disconnect(worker);
  Connect(worker);
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
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kOffered)
      << "rank 0 still writes its model";
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
  for (const std::string& error : {Job(run, "a").error, core_->state().FindRun(run)->error,
                                   core_->state().FindAttempt({run, "a", 1})->failure.error}) {
    EXPECT_THAT(error, HasSubstr("rows.jsonl:7: xxx"));
    EXPECT_THAT(error, HasSubstr("is no number\xEF\xBF\xBD"));
    EXPECT_LT(error.size(), 1700u);
  }
}

TEST_F(CoreTest, TheLastLinesOfADeadProgramAreKeptWithItsAttempt) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  EndedCommand command;
  command.rank = RankOf(run, "a");
  command.worker = "w1";
  std::string said;
  for (int i = 0; i < 2000; ++i) said += "line " + std::to_string(i) + "\n";
  command.failure = {"system", "it ended with code 1", "", true, "", said + "the very last"};
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(command, tx); }).ok());
  const std::string kept = core_->state().FindAttempt({run, "a", 1})->failure.log_tail;
  EXPECT_TRUE(kept.ends_with("line 1999\nthe very last"));
  EXPECT_TRUE(kept.starts_with("line ")) << kept.substr(0, 20);
  EXPECT_LE(kept.size(), 4096u);
  EXPECT_GT(kept.size(), 4000u);
}

TEST_F(CoreTest, AStopThatIsAskedForAgainInTheSameWordsIsSeenToEnd) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const AttemptKey attempt = RankOf(run, "a");
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(Do([&](Transaction& tx) {
                  StopAttempt(attempt, "drain", {"preempted", "drained", "", false}, tx);
                  return OkStatus();
                }).ok());
  }
  ASSERT_TRUE(worker.sink->newest->ranks.at(0).stop);
  // It has acted on that state and its inventory is without the rank: nothing else will be said.
  EXPECT_TRUE(core_->state().attempts.at(attempt).stop_version.contains(0));
}

// A hello that is answered holds, whatever becomes of those that were decided before it.
TEST_F(CoreTest, AHelloOutlivesARefusedNeighbourOfItsBatch) {
  FakeWorker& worker = AddWorker("w1");
  for (const char* trouble : {"refused", "full", "locked"}) {
    store_.refused = trouble == std::string("refused") ? "odd" : "no run of this name";
    store_.full = trouble == std::string("full");
    store_.locked = trouble == std::string("locked");
    const int64_t before = worker.session;
    const auto refused = Post([&](Transaction& tx) {
      tx.worker("w1").draining = true;
      return Submit(CommandOf({Node("a", "train")}, "odd"), tx).status();
    });
    const auto sink = std::make_shared<FakeSink>();
    const auto hello = Post([&](Transaction& tx) {
      const auto session = Hello(worker.record, sink, tx);
      if (session.ok()) worker.session = *session;
      return session.status();
    });
    Turn();
    ASSERT_TRUE(hello->has_value()) << trouble;
    EXPECT_TRUE((*hello)->ok()) << trouble;
    const LiveWorker& live = core_->state().workers.at("w1");
    EXPECT_EQ(live.session, sink) << trouble;
    EXPECT_EQ(live.session_id, worker.session) << trouble;
    EXPECT_GT(worker.session, before) << trouble;
    EXPECT_FALSE(live.draining) << trouble << ": that belongs to the refused one";
    store_.refused = "no run of this name";
    store_.full = store_.locked = false;
    clock_.Advance(1000);
    Turn();
  }
}

// One worker of which something cannot be written keeps no other from being watched.
TEST_F(CoreTest, AFaultOfOneWorkerLeavesTheOthersWatched) {
  FakeWorker& odd = AddWorker("w1");
  FakeWorker& worker = AddWorker("w2");
  const std::string run = SubmitJobs({Node("a", "train", {}, 1), Node("b", "train", {}, 1)});
  EXPECT_TRUE(Beat(odd).ok());
  EXPECT_TRUE(Beat(worker).ok());
  const std::string job = core_->state().FindAttempt({run, "a", 1})->workers[0] == "w2" ? "a" : "b";
  EXPECT_TRUE(Do([&](Transaction& tx) {
                tx.worker("w1").unwritten.push_back(
                    catalog::WorkerAdmitted{"nobody", catalog::WorkerAdmit::kOpen});
                return OkStatus();
              }).ok());
  Disconnect(worker);
  worker.record.boot_id = "w2-boot-2";
  Connect(worker);
  EXPECT_EQ(core_->state().FindAttempt({run, job, 1})->state, AttemptState::kLost);
  EXPECT_EQ(Job(run, job).state, JobState::kActive) << "and it was scheduled again";
}

TEST_F(CoreTest, AFullDiskShutsNoWorkerOut) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  store_.full = true;
  for (int second = 0; second < 200; ++second) {  // past the times at which something is written of
                                                  // a worker
    clock_.Advance(1'000);
    ASSERT_TRUE(Beat(worker).ok()) << second;
  }
  Disconnect(worker);
  clock_.Advance(1'000);
  EXPECT_TRUE(SayHello(worker).ok());
  EXPECT_THAT(EpochsTold(worker), ElementsAre(1)) << "it goes on with what it runs";
  EXPECT_TRUE(Beat(worker).ok());
  FakeWorker& fresh = AddWorker("w2");
  EXPECT_TRUE(Beat(fresh).ok());
  EXPECT_FALSE(core_->state().image().workers.contains("w2")) << "not written";
  // A new boot does not run what was leased to the old one, although that is not written either.
  Disconnect(worker);
  worker.record.boot_id = "w1-boot-2";
  EXPECT_TRUE(SayHello(worker).ok());
  EXPECT_THAT(worker.sink->newest->ranks, IsEmpty());
  store_.full = false;
  clock_.Advance(2'000);
  Turn();
  EXPECT_TRUE(core_->state().image().workers.contains("w2"));
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kLost);
  EXPECT_EQ(Job(run, "a").epoch, 2);
}

TEST_F(CoreTest, AReportThatAFullDiskRefusedMayComeAgain) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  store_.full = true;
  EXPECT_EQ(End(RankOf(run, "a"), "w1", false, "infra", "killed").reason(), "STORAGE_FULL");
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_THAT(EpochsTold(worker), ElementsAre(1))
      << "it still is this worker's, or nobody would report its end";
  store_.full = false;
  clock_.Advance(2'000);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "infra", "killed").ok());
  EXPECT_EQ(Job(run, "a").epoch, 2);
}

TEST_F(CoreTest, ACommandThatDoesNotFitLeavesTheOthersAlone) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  store_.refused = "large";
  store_.refused_for_room = true;
  const auto before = Post([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); });
  const auto large = Post([&](Transaction& tx) {
    return Submit(CommandOf({Node("a", "train")}, "large"), tx).status();
  });
  const auto after = Post([&](Transaction& tx) {
    return Submit(CommandOf({Node("a", "train")}, "small"), tx).status();
  });
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE((*before)->ok()) << (*before)->ToString();
  EXPECT_EQ((*large)->reason(), "STORAGE_FULL");
  EXPECT_TRUE((*after)->ok()) << (*after)->ToString();
  EXPECT_THAT(core_->state().image().runs, SizeIs(2));
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->state, AttemptState::kRunning);
}

TEST_F(CoreTest, WhatTheStoreCannotTakeIsRefusedAlone) {
  FakeWorker& worker = AddWorker("w1");
  store_.refused = "odd";
  const auto odd = Post(
      [&](Transaction& tx) { return Submit(CommandOf({Node("a", "train")}, "odd"), tx).status(); });
  const auto good = Post(
      [&](Transaction& tx) { return Submit(CommandOf({Node("a", "train")}), tx).status(); });
  Turn();
  EXPECT_EQ((*odd)->code(), StatusCode::kInternal);
  EXPECT_THAT((*odd)->message(), HasSubstr("CHECK constraint failed: odd"));
  EXPECT_TRUE((*good)->ok()) << (*good)->ToString();
  EXPECT_THAT(core_->state().image().runs, SizeIs(1));
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_EQ(core_->state().live().size(), 1u) << "and what is good is scheduled";
}

TEST_F(CoreTest, ADecisionThatThrowsOrContradictsTheRowsChangesNothing) {
  AddWorker("w1");
  const catalog::Image before = core_->state().image();
  const auto thrown = Do([&](Transaction& tx) -> Status {
    EXPECT_TRUE(Submit(CommandOf({Node("a", "train")}), tx).ok());
    throw std::out_of_range("map::at");
  });
  EXPECT_EQ(thrown.code(), StatusCode::kInternal);
  EXPECT_THAT(thrown.message(), HasSubstr("map::at"));
  EXPECT_TRUE(core_->state().image() == before);
  EXPECT_EQ(Do([&](Transaction&) -> Status { throw 5; }).code(), StatusCode::kInternal);
  // The same job twice: the catalog's key would have refused the batch.
  const auto twice = Do([&](Transaction& tx) -> Status {
    EXPECT_TRUE(Submit(CommandOf({Node("a", "train")}), tx).ok());
    JobRecord again = *tx.state().JobsOf(tx.state().image().runs.rbegin()->first)[0];
    tx.Add(catalog::JobCreated{again});
    return OkStatus();
  });
  EXPECT_THAT(twice.message(), HasSubstr("it exists already"));
  // What it had added before it failed by itself is taken back as well.
  EXPECT_EQ(Do([&](Transaction& tx) -> Status {
              EXPECT_TRUE(Submit(CommandOf({Node("a", "train")}), tx).ok());
              return NotFound("nothing");
            }).code(),
            StatusCode::kNotFound);
  EXPECT_TRUE(core_->state().image() == before);
  EXPECT_TRUE(core_->state().queued().empty());
  EXPECT_TRUE(core_->state().live().empty());
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

TEST_F(CoreTest, TheLockOfAnotherProgramIsWaitedFor) {
  FakeWorker& worker = AddWorker("w1");
  store_.locked = true;
  const auto first = Post(
      [&](Transaction& tx) { return Submit(CommandOf({Node("a", "train")}), tx).status(); });
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(300);
    ASSERT_TRUE(Beat(worker).ok()) << "what writes nothing is answered";
  }
  EXPECT_FALSE(first->has_value());
  EXPECT_THAT(core_->state().image().runs, IsEmpty());
  store_.locked = false;
  clock_.Advance(1'000);
  Turn();
  ASSERT_TRUE(first->has_value());
  EXPECT_TRUE((*first)->ok());
  EXPECT_THAT(core_->state().image().runs, SizeIs(1));
  // Not for ever: callers give up, too.
  store_.locked = true;
  const auto second = Post(
      [&](Transaction& tx) { return Submit(CommandOf({Node("a", "train")}), tx).status(); });
  for (int i = 0; i < 20 && !second->has_value(); ++i) {
    clock_.Advance(1'000);
    Turn();
  }
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ((*second)->code(), StatusCode::kUnavailable);
  EXPECT_THAT((*second)->message(), HasSubstr("lock of the catalog"));
  EXPECT_THAT(core_->state().image().runs, SizeIs(1));
}

TEST_F(CoreTest, AnErrorOfTheStoreAnswersEverybodyAndEndsTheLoop) {
  for (const bool throws : {false, true}) {
    Restart();
    store_.broken = !throws;
    store_.throws = throws;
    Status ended;
    std::thread loop([&] { ended = core_->Run(); });
    // Two callers of one batch, one of a later, and one that only reads.
    Status answers[3];
    std::vector<std::thread> callers;
    for (int i = 0; i < 2; ++i) {
      callers.emplace_back([&, i] {
        answers[i] = core_->Do(
            [&](Transaction& tx) { return Submit(CommandOf({Node("a", "train")}), tx).status(); });
      });
    }
    for (std::thread& caller : callers) caller.join();
    answers[2] = core_->Query([](const State&) {});
    loop.join();
    for (const Status& answer : answers)
      EXPECT_EQ(answer.code(), StatusCode::kUnavailable) << answer.ToString();
    EXPECT_FALSE(ended.ok());
    EXPECT_THAT(ended.message(), HasSubstr(throws ? "no memory" : "disk I/O error"));
    store_.broken = store_.throws = false;
  }
}

TEST_F(CoreTest, AReadThatThrowsIsItsOwnError) {
  Status answer;
  core_->Post({nullptr, [](const State& state) { (void)state.image().runs.at("none"); },
               [&](Status status) { answer = status; }});
  Turn();
  EXPECT_EQ(answer.code(), StatusCode::kInternal);
}

TEST_F(CoreTest, ANamesakeDoesNotEndTheElder) {
  FakeWorker& elder = AddWorker("w1");
  elder.record.host = "atlas";
  elder.record.instance = "folder-1";
  Connect(elder);
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(elder).ok());
  FakeWorker namesake = elder;
  namesake.record.boot_id = "w1-boot-of-another";
  namesake.record.instance = "folder-2";
  const Status refused = SayHello(namesake);
  EXPECT_EQ(refused.reason(), "ALREADY_EXISTS");
  EXPECT_THAT(refused.message(), HasSubstr("worker id w1 is that of another process, on atlas"));
  EXPECT_THAT(refused.message(), HasSubstr("--id"));
  EXPECT_EQ(elder.sink->replaced, "");
  EXPECT_TRUE(Beat(elder).ok());
  EXPECT_EQ(Job(run, "a").epoch, 1) << "its training goes on";
  // The coordinator was restarted, and the namesake is the first to come.
  Restart();
  const auto recovering = [&] {
    return Recovering(core_->state(), core_->options(), clock_.MonotonicMs());
  };
  EXPECT_TRUE(recovering()) << "as /readyz says";
  EXPECT_EQ(SayHello(namesake).reason(), "RECOVERING");
  Connect(elder);
  EXPECT_FALSE(recovering());
  EXPECT_TRUE(Beat(elder).ok());
  EXPECT_EQ(SayHello(namesake).reason(), "ALREADY_EXISTS");
  EXPECT_EQ(Job(run, "a").epoch, 1);
  // The elder is silent for longer than the ttl: who is there takes its place.
  for (int second = 0; second < 16; ++second) {
    clock_.Advance(1'000);
    Turn();
  }
  EXPECT_TRUE(SayHello(namesake).ok());
  EXPECT_THAT(elder.sink->replaced, HasSubstr("worker id w1 was taken over"));
  EXPECT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(Beat(elder).reason(), "WORKER_REPLACED");
}

TEST_F(CoreTest, AnotherBootOfTheSameFolderIsTheSameWorker) {
  FakeWorker& worker = AddWorker("w1");
  worker.record.instance = "folder-1";
  Connect(worker);
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  // It was killed and started again before anybody noticed that its stream broke.
  worker.record.boot_id = "w1-boot-2";
  worker.ranks.clear();
  const auto old_sink = worker.sink;
  EXPECT_TRUE(SayHello(worker).ok());
  EXPECT_THAT(old_sink->replaced, HasSubstr("w1"));
  EXPECT_EQ(Job(run, "a").epoch, 2);
  Restart();
  worker.record.boot_id = "w1-boot-3";
  EXPECT_TRUE(SayHello(worker).ok()) << "also right after the coordinator's start";
}

TEST_F(CoreTest, AWorkerOfThisMachineIsOfTheCoordinatorsSiteUnlessItSaysOtherwise) {
  network_ = "net:[1]";
  Restart();
  FakeWorker& near = AddWorker("near");
  near.record.site = "";
  near.record.network = "net:[1]";
  Connect(near);
  FakeWorker& far = AddWorker("far");
  far.record.site = "";
  far.record.network = "net:[2]";
  Connect(far);
  EXPECT_EQ(core_->state().image().workers.at("near").site, "local");
  EXPECT_EQ(core_->state().image().workers.at("far").site, "");
}

TEST_F(CoreTest, OddNamesOfWorkersAreRefused) {
  for (const std::string& id :
       {std::string("a\nb"), std::string(1000, 'x'), std::string("\0x", 2), std::string()}) {
    FakeWorker worker;
    worker.record.id = id;
    worker.record.boot_id = "boot";
    EXPECT_EQ(SayHello(worker).code(), StatusCode::kInvalidArgument) << id.substr(0, 5);
  }
}

TEST_F(CoreTest, AFullDiskOfAWorkerIsWaitedForAndNamed) {
  FakeWorker& worker = AddWorker("w1");
  worker.disk_free_bytes = 1 << 20;
  const std::string run = SubmitJobs({Node("a", "train")});
  const auto fill = [&] {
    EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); }).ok());
    EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "infra",
                    "writing /data/w1/x: No space left on device", "STORAGE_FULL")
                    .ok());
    EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
    return core_->state().pending.at({run, "a"});
  };
  EXPECT_TRUE(Beat(worker).ok());
  const PendingView first = fill();
  EXPECT_EQ(first.reason, scheduler::Reason::kDiskFull);
  EXPECT_THAT(first.detail, HasSubstr("the disk of worker w1 is full (/data/w1, 1.0 MiB free)"));
  // As soon as there is room, without waiting for the time.
  clock_.Advance(1'000);
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  worker.disk_free_bytes = int64_t{1} << 30;
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
  for (int64_t i = 0; i < 30; ++i) {
    const PendingView pending = fill();
    ASSERT_TRUE(pending.reason == scheduler::Reason::kDiskFull ||
                pending.reason == scheduler::Reason::kBackoff)
        << i;
    ASSERT_THAT(pending.detail, AnyOf(HasSubstr("the disk of worker w1 is full"),
                                      HasSubstr("No space left on device")))
        << i;
    clock_.Advance(121'000);
    EXPECT_TRUE(Beat(worker).ok());
    ASSERT_EQ(Job(run, "a").state, JobState::kActive) << i << ": it goes on by itself";
  }
  EXPECT_EQ(Job(run, "a").counters.losses_in_row, 0);
  EXPECT_EQ(core_->state().FindAttempt({run, "a", 1})->failure.reason, "STORAGE_FULL");
}

TEST_F(CoreTest, AnotherWorkerDoesNotWaitForTheDiskOfTheFirst) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "infra", "no space", "STORAGE_FULL").ok());
  AddWorker("w2");
  EXPECT_THAT(core_->state().FindAttempt(RankOf(run, "a"))->workers, ElementsAre("w2"));
}

// What the failed rank gave back looks like room, and the job that does not fit is the older one.
TEST_F(CoreTest, AJobThatFitsOnNoDiskDoesNotKeepOthersOut) {
  FakeWorker& worker = AddWorker("w1");
  const std::string large = SubmitJobs({Node("a", "train")});
  clock_.Advance(1'000);
  const std::string small = SubmitJobs({Node("b", "train")});
  int attempts = 0;
  for (int second = 0; second < 120 && Job(small, "b").state == JobState::kQueued; ++second) {
    worker.disk_free_bytes = 40 << 20;
    EXPECT_TRUE(Beat(worker).ok());
    if (Job(large, "a").state == JobState::kActive) {
      ++attempts;
      worker.disk_free_bytes = 1 << 20;
      EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(large, "a"), tx); }).ok());
      EXPECT_TRUE(Beat(worker).ok());
      EXPECT_TRUE(
          End(RankOf(large, "a"), "w1", false, "infra", "No space left on device", "STORAGE_FULL")
              .ok());
    }
    clock_.Advance(1'000);
  }
  EXPECT_EQ(Job(small, "b").state, JobState::kActive);
  EXPECT_LE(attempts, 4);
}

TEST_F(CoreTest, WhatFailsBeforeItsProgramRunsIsTriedWithoutEnd) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(Beat(worker).ok());
    ASSERT_EQ(Job(run, "a").state, JobState::kActive) << i;
    EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "infra",
                    "fetching model.safetensors: the store answers errors")
                    .ok());
    ASSERT_EQ(Job(run, "a").counters.losses_in_row, 0);
    for (int second = 0; second < 300 && Job(run, "a").state == JobState::kQueued; ++second) {
      clock_.Advance(1'000);
      EXPECT_TRUE(Beat(worker).ok());
    }
  }
  // Then it runs, and is lost as often as three times on one worker: that counts from here.
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportStarted(RankOf(run, "a"), tx); }).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "infra", "killed").ok());
  EXPECT_EQ(Job(run, "a").counters.losses_in_row, 1);
}

TEST_F(CoreTest, ADigestThatIsWrongOnOneWorkerSendsTheJobToAnother) {
  FakeWorker& first = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(first).ok());
  AddWorker("w2");
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "system", "blob abc: DIGEST_MISMATCH").ok());
  ASSERT_EQ(Job(run, "a").state, JobState::kActive);
  EXPECT_THAT(core_->state().FindAttempt(RankOf(run, "a"))->workers, ElementsAre("w2"));
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

TEST_F(CoreTest, AStallOfTheCoordinatorIsNobodysSilence) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  for (int second = 0; second < 70; ++second) {  // past the minute in which nothing expires
    clock_.Advance(1'000);
    EXPECT_TRUE(Beat(worker).ok());
  }
  AddWorker("w2");
  clock_.Advance(600'000);
  EXPECT_TRUE(Beat(workers_["w2"]).ok());  // the first that is heard after it
  EXPECT_EQ(Job(run, "a").epoch, 1);
  EXPECT_EQ(core_->state().workers.at("w2").last_contact_ms, clock_.MonotonicMs())
      << "not in the future";
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
  for (int second = 0; second < 90; ++second) {  // past the minute in which nothing expires after a
                                                 // start
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

TEST_F(CoreTest, TheSameRequestIsAnsweredOnce) {
  AddWorker("w1");
  const auto submit = [&](const std::string& body, std::string* id) {
    return Do([&, body, id](Transaction& tx) {
      auto answer = DecideIdempotently({"SubmitRun", "key-1", body}, tx, [](Transaction& inner) {
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
