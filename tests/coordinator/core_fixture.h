// A coordinator's core whose loop is turned by hand, with a store that can be told what is wrong
// with it and workers that do what they are told.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/core.h"
#include "coordinator/core/pass.h"
#include "coordinator/core/requests.h"
#include "coordinator/core/runs.h"
#include "coordinator/core/sessions.h"
#include "storage/catalog/catalog.h"

namespace braid::coordinator {

// The real catalog, which can be told what is wrong with it.
class FaultyStore final : public catalog::Store {
 public:
  explicit FaultyStore(const std::string& path)
      : catalog_(catalog::Catalog::Open({path, 0}).value()) {}
  Status Commit(const catalog::Updates& updates, int64_t time_ms) override {
    if (updates.empty()) return OkStatus();
    if (full)
      return Status(StatusCode::kResourceExhausted, ErrorReason::kStorageFull, "the disk is full");
    if (locked) return Unavailable("database is locked");
    if (broken) return Internal("disk I/O error");
    if (throws) throw std::runtime_error("no memory");
    for (const catalog::Update& update : updates) {
      const auto* created = std::get_if<catalog::RunCreated>(&update);
      if (created == nullptr || created->run.name != refused) continue;
      if (refused_for_room)
        return Status(StatusCode::kResourceExhausted, ErrorReason::kStorageFull,
                      "this one does not fit");
      return FailedPrecondition("CHECK constraint failed: " + refused);
    }
    ++commits;
    return catalog_->Commit(updates, time_ms);
  }
  Result<catalog::Image> Load() override { return catalog_->Load(); }
  catalog::Past* past() override { return catalog_->past(); }
  Result<catalog::LiveRows> LoadLive() override { return catalog_->LoadLive(); }
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
  // What its heartbeats say of other hosts, and of the progress of its ranks.
  std::optional<Advertised> advertised;
  std::optional<std::map<std::string, PeerReach>> reach;
  std::optional<task::Progress> progress;
};

inline recipe::JobNode Node(const std::string& name, const std::string& kind,
                            std::map<std::string, recipe::InputRef> inputs = {},
                            int32_t ranks = 1) {
  recipe::JobNode node;
  node.name = name;
  node.kind = kind;
  for (const auto& [role, ref] : inputs) node.parents.push_back(ref.job);
  node.inputs = std::move(inputs);
  node.ranks = ranks;
  return node;
}

inline catalog::ArtifactRecord Artifact(const std::string& id, const std::string& role) {
  catalog::ArtifactRecord artifact;
  artifact.id = id;
  artifact.kind = "checkpoint";
  artifact.manifest = "{}";
  artifact.metadata = "{}";
  artifact.role = role;
  return artifact;
}

// A coordinator whose loop is turned by hand. Rows of runs that have ended leave memory at the end
// of every turn. After it, with all rows brought in again, the state must be what a reload gives.
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
    options.quotas = quotas_;
    options.preempt = preempt_;
    options.ended_rows = ended_rows_;
    options.spans = spans_;
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
    if (!compare_) return;
    State reloaded;
    reloaded.Reset(store_.Load().value());
    const State& state = core_->state();
    ASSERT_TRUE(state.Totals() == reloaded.Totals()) << "rows are counted wrongly";
    BringIn(reloaded.image());
    ASSERT_TRUE(reloaded.image() == state.image()) << "memory and catalog differ";
    (void)state.queued();  // which settles its order
    ASSERT_TRUE(state.indices() == reloaded.indices()) << "rows that came back are indexed wrongly";
    ASSERT_TRUE(state.Totals() == reloaded.Totals()) << "rows that came back are counted wrongly";
  }
  // All of these rows are in memory afterwards.
  void BringIn(const catalog::Image& rows) {
    for (const auto& [id, run] : rows.runs) (void)core_->state().FindRun(id);
    for (const auto& [id, artifact] : rows.artifacts) (void)core_->state().FindArtifact(id);
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
    for (const RankKey& key : worker.ranks) signal.ranks.push_back({key, worker.progress});
    signal.advertised = worker.advertised;
    signal.reach = worker.reach;
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
  // Submits the run, which must be taken, and returns its id.
  std::string SubmitTaken(const SubmitCommand& command) {
    std::string id;
    EXPECT_TRUE(Do([&](Transaction& tx) {
                  auto run = Submit(command, tx);
                  if (run.ok()) id = *run;
                  return run.status();
                }).ok());
    return id;
  }
  std::string SubmitJobs(std::vector<recipe::JobNode> jobs, const std::string& user = "",
                         int64_t priority = 0) {
    SubmitCommand command = CommandOf(std::move(jobs));
    command.user = user;
    command.priority = priority;
    return SubmitTaken(command);
  }

  Status End(const RankKey& rank, const std::string& worker, bool success,
             const std::string& category = "", const std::string& error = "",
             const std::string& reason = "", bool deterministic = false) {
    EndedCommand command;
    command.rank = rank;
    command.worker = worker;
    command.success = success;
    if (success && rank.rank == 0) command.outputs = {Artifact(std::string(64, 'a'), "model")};
    command.failure = {category, error, "", deterministic, reason};
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

  bool compare_ = true;  // for tests of many turns, which compare at the end
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  FaultyStore store_{folder_.path() + "/braid.db"};
  SimulatedClock clock_;
  int runs_ = 0;
  std::string network_;
  const QuotaTable* quotas_ = nullptr;
  int64_t ended_rows_ = 0;
  bool preempt_ = false;
  trace::SpanSink* spans_ = nullptr;
  std::unique_ptr<Core> core_;
  std::map<std::string, FakeWorker> workers_;
};

}  // namespace braid::coordinator
