// What is bound to sites: who keeps it, what may be reported of it, and when it may go.
#include "coordinator/core/bound_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "coordinator/core/retention.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using task::Binding;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kShards(64, 'e'), kModel(64, 'f');

recipe::JobNode BoundNode(recipe::JobNode node, Binding binding) {
  node.site = "lab";
  node.binding = binding;
  return node;
}

class BoundDataTest : public CoreTest {
 protected:
  BoundDataTest() {
    AddAt("w1", "lab");
    AddAt("w2", "lab");
    AddAt("hq", "hq");
  }
  void AddAt(const std::string& id, const std::string& site) {
    FakeWorker& worker = workers_[id];
    worker.record.id = id;
    worker.record.boot_id = id + "-boot-1";
    worker.record.site = site;
    worker.record.cpu_slots = 2;
    worker.record.folder = "/data/" + id;
    Connect(worker);
  }
  // A corpus is prepared, a path is trained on it, and what it makes is evaluated.
  std::string Start(Binding of_training = Binding::kOutputs) {
    return SubmitJobs(
        {BoundNode(Node("prepare:a", "prepare"), Binding::kShards),
         BoundNode(Node("path", "train", {{"data.a", {"prepare:a", "shards", "", ""}}}),
                   of_training),
         BoundNode(Node("evaluate:path", "evaluate", {{"model", {"path", "model", "", ""}}}),
                   of_training == Binding::kOutputs ? Binding::kOutputs : Binding::kNothing)});
  }
  std::string WorkerThatRuns(const std::string& run, const std::string& job) {
    const auto attempts = core_->state().AttemptsOf({run, job});
    return attempts.empty() || Ended(attempts.back()->state) ? "" : attempts.back()->workers[0];
  }
  Status EndWith(const std::string& run, const std::string& job, const std::string& role,
                 const std::string& id, bool bound) {
    EndedCommand command;
    command.rank = RankOf(run, job);
    command.worker = WorkerThatRuns(run, job);
    command.success = true;
    catalog::ArtifactRecord made = Artifact(id, role);
    made.made_by = command.rank.attempt();
    made.bound = bound;
    made.worker = command.worker;
    made.site = "lab";
    command.outputs = {made};
    return Do([&](Transaction& tx) { return ReportEnded(command, tx); });
  }
  // A heartbeat that says what the worker keeps.
  void Keeps(const std::string& id, const std::vector<std::string>& kept,
             std::set<RankKey> ranks = {}) {
    SignalCommand signal;
    signal.worker = id;
    signal.session_id = workers_[id].session;
    signal.cached = kept;
    signal.kept = kept;
    for (const RankKey& rank : ranks) signal.ranks.push_back({rank, std::nullopt});
    ASSERT_TRUE(Do([&](Transaction& tx) { return Signal(signal, tx); }).ok());
  }
  // From now on the worker exchanges files with others of its site. All are on one host here, so
  // that they need not try to reach each other.
  void Exchanges(const std::string& id) {
    SignalCommand signal;
    signal.worker = id;
    signal.session_id = workers_[id].session;
    signal.advertised = {"10.0.0.1", "eth0", 5000, std::string(32, 'p')};
    signal.exchange = {"PEM", Sha256Hex(id), 6000, std::string(32, 'k'), 0, /*reads_bound=*/true};
    for (const RankKey& rank : workers_[id].ranks) signal.ranks.push_back({rank, std::nullopt});
    ASSERT_TRUE(Do([&](Transaction& tx) { return Signal(signal, tx); }).ok());
  }
  void Admit(const std::string& id, catalog::WorkerAdmit admit) {
    ASSERT_TRUE(Do([&](Transaction& tx) {
                  tx.Add(catalog::WorkerAdmitted{id, admit});
                  return OkStatus();
                }).ok());
  }
  // Nothing is heard of the worker any more.
  void LoseWorker(const std::string& id) {
    Disconnect(workers_[id]);
    ASSERT_NE(core_->state().workers.at(id).link, scheduler::Link::kReady);
  }
  // As long as a job that has failed once or twice may have to wait before it is tried again.
  void PassBackoff(const std::vector<std::string>& there) {
    clock_.Advance(15'000);
    for (const std::string& id : there) ASSERT_TRUE(Beat(workers_[id]).ok());
  }
  // As the worker reports it that found nobody who gives it what is bound (worker/agent/outcome.h).
  void FailToFetch(const std::string& run, const std::string& job, const std::string& worker) {
    ASSERT_TRUE(End(RankOf(run, job), worker, /*success=*/false, "infra",
                    "fetching tokens.bin: it is bound to this site, and no worker gives it",
                    NameOf(ErrorReason::kBoundToSite))
                    .ok());
  }
  std::vector<std::string> ReleasedBy(const std::string& id) {
    const auto& newest = workers_[id].sink->newest;
    return newest == nullptr ? std::vector<std::string>() : newest->released;
  }
  std::string Waits(const std::string& run, const std::string& job) {
    const auto pending = core_->state().PendingOf(Job(run, job));
    return pending.has_value() ? pending->detail : "";
  }
};

TEST_F(BoundDataTest, WhatReadsItFollowsItToItsWorker) {
  const std::string run = Start();
  const std::string keeper = WorkerThatRuns(run, "prepare:a");
  ASSERT_THAT(keeper, testing::AnyOf("w1", "w2"));
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  EXPECT_TRUE(core_->state().FindArtifact(kShards)->bound);
  EXPECT_EQ(WorkerThatRuns(run, "path"), keeper);
  ASSERT_TRUE(EndWith(run, "path", "model", kModel, true).ok());
  EXPECT_EQ(WorkerThatRuns(run, "evaluate:path"), keeper);
}

// The worker that keeps it has two slots, and three jobs read it and make something bound.
TEST_F(BoundDataTest, WhatReadsItRunsWhereverItCanBeRead) {
  std::vector<recipe::JobNode> jobs = {BoundNode(Node("prepare:a", "prepare"), Binding::kShards)};
  for (const char* name : {"one", "three", "two"})
    jobs.push_back(BoundNode(Node(name, "train", {{"data.a", {"prepare:a", "shards", "", ""}}}),
                             Binding::kOutputs));
  const std::string run = SubmitJobs(jobs);
  const std::string keeper = WorkerThatRuns(run, "prepare:a");
  const std::string other = keeper == "w1" ? "w2" : "w1";
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  std::string waits;
  for (const char* name : {"one", "three", "two"}) {
    if (WorkerThatRuns(run, name).empty()) waits = name;
  }
  ASSERT_NE(waits, "") << "the other worker cannot read it";
  EXPECT_THAT(Waits(run, waits),
              HasSubstr("all matching slots are taken: it needs 1 CPU slot at site lab; " + other +
                        " cannot read what " + keeper + " keeps"));
  Exchanges(keeper);
  EXPECT_EQ(WorkerThatRuns(run, waits), "") << "what it makes could not be read there";
  EXPECT_THAT(Waits(run, waits), HasSubstr(other + " fetches nothing from others"));
  Exchanges(other);
  EXPECT_EQ(WorkerThatRuns(run, waits), other);
  const scheduler::Keepers keepers = KeepersOf(run, "lab", core_->state());
  EXPECT_THAT(keepers.here, ElementsAre("w1", "w2"));
  EXPECT_THAT(keepers.before, IsEmpty());
  // The coordinator lets it be read at its site, and nowhere else.
  const catalog::ArtifactRecord& shards = *core_->state().FindArtifact(kShards);
  EXPECT_TRUE(CheckMayBeReadBy(other, shards, core_->state()).ok());
  for (const char* stranger : {"hq", "unknown"}) {
    const Status refused = CheckMayBeReadBy(stranger, shards, core_->state());
    EXPECT_TRUE(refused.Is(ErrorReason::kBoundToSite));
    EXPECT_THAT(refused.message(), HasSubstr(std::string("worker ") + stranger +
                                             " is not at that site, and may not read it"));
  }
}

// A run that takes over what others made has no attempts that would say who keeps it. One that does
// is enough: more would be more that all later ones have to read from.
TEST_F(BoundDataTest, OfThoseThatKeepWhatWasTakenOverOneCounts) {
  const std::string first = Start();
  const std::string maker = WorkerThatRuns(first, "prepare:a");
  const std::string other = maker == "w1" ? "w2" : "w1";
  ASSERT_TRUE(EndWith(first, "prepare:a", "shards", kShards, true).ok());
  EndedCommand failed;
  failed.rank = RankOf(first, "path");
  failed.worker = WorkerThatRuns(first, "path");
  failed.failure.category = "user";
  failed.failure.deterministic = true;
  ASSERT_TRUE(Do([&](Transaction& tx) { return ReportEnded(failed, tx); }).ok());
  Keeps(other, {kShards});
  std::string again;
  ASSERT_TRUE(Do([&](Transaction& tx) {
                auto run = Retry(first, tx, "");
                if (run.ok()) again = *run;
                return run.status();
              }).ok());
  const scheduler::Keepers keepers = KeepersOf(again, "lab", core_->state());
  // The path runs already, at the one that made it first.
  EXPECT_THAT(keepers.here, ElementsAre(maker));
  EXPECT_THAT(keepers.before, IsEmpty());
}

// Another run has made the same on another worker. They exchange nothing, so that what is made of
// it stays on the one where this run made it.
TEST_F(BoundDataTest, WhoKeepsTheSameOfAnotherRunIsNoKeeperOfThisOne) {
  const std::string first = Start();
  const std::string maker = WorkerThatRuns(first, "prepare:a");
  const std::string other = maker == "w1" ? "w2" : "w1";
  ASSERT_TRUE(EndWith(first, "prepare:a", "shards", kShards, true).ok());
  Admit(maker, catalog::WorkerAdmit::kCordoned);
  std::vector<recipe::JobNode> jobs = {BoundNode(Node("prepare:a", "prepare"), Binding::kShards)};
  for (const char* name : {"one", "three", "two"})
    jobs.push_back(BoundNode(Node(name, "train", {{"data.a", {"prepare:a", "shards", "", ""}}}),
                             Binding::kOutputs));
  const std::string second = SubmitJobs(jobs);
  ASSERT_EQ(WorkerThatRuns(second, "prepare:a"), other);
  Admit(maker, catalog::WorkerAdmit::kOpen);
  ASSERT_TRUE(EndWith(second, "prepare:a", "shards", kShards, true).ok());
  EXPECT_EQ(core_->state().FindArtifact(kShards)->worker, maker) << "the first that made it";
  for (const char* name : {"one", "three", "two"})
    EXPECT_THAT(WorkerThatRuns(second, name), testing::AnyOf(other, ""));
  EXPECT_THAT(KeepersOf(second, "lab", core_->state()).here, ElementsAre(other));
}

// Between the grant of a job and its fetch, the worker that keeps what the job reads is lost. The
// reader says so, nobody takes it for ill, and the job waits for one who has what it reads.
TEST_F(BoundDataTest, AKeeperThatIsLostBeforeTheFetchKeepsTheJobFromNoOtherKeeper) {
  AddAt("w3", "lab");
  for (const char* id : {"w1", "w2", "w3"}) Exchanges(id);
  const std::string run = Start(Binding::kInputs);
  const std::string keeper = WorkerThatRuns(run, "prepare:a");
  std::vector<std::string> others;
  for (const char* id : {"w1", "w2", "w3"}) {
    if (id != keeper) others.push_back(id);
  }
  const std::string &reader = others[0], &third = others[1];
  Admit(keeper, catalog::WorkerAdmit::kCordoned);
  Admit(third, catalog::WorkerAdmit::kCordoned);
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  ASSERT_EQ(WorkerThatRuns(run, "path"), reader) << "it reads from the keeper";
  LoseWorker(keeper);
  ASSERT_EQ(WorkerThatRuns(run, "path"), reader) << "the lease is not the lost worker's";

  FailToFetch(run, "path", reader);
  PassBackoff({reader, third});
  EXPECT_EQ(WorkerThatRuns(run, "path"), "") << "it would fail there again";
  EXPECT_THAT(Waits(run, "path"),
              HasSubstr("it needs what is bound to site lab and kept by worker " + keeper +
                        ", which is not connected: start that worker again, with its folder"));
  EXPECT_EQ(Job(run, "path").counters.losses_in_row, 0) << "the job is not to blame";
  EXPECT_THAT(core_->state().image().workers.at(reader).health.failures, IsEmpty());

  // Somebody else of the site has it in its cache: it goes on there, or reads from there.
  Keeps(third, {kShards});
  EXPECT_EQ(WorkerThatRuns(run, "path"), reader);
  const RankKey rank = RankOf(run, "path");
  EXPECT_EQ(rank.epoch, 2);
  LoseWorker(third);
  FailToFetch(run, "path", reader);
  PassBackoff({reader});
  EXPECT_EQ(WorkerThatRuns(run, "path"), "");
  // The first keeper is started again, with its folder.
  workers_[keeper].record.boot_id = keeper + "-boot-2";
  Connect(workers_[keeper]);
  Exchanges(keeper);
  Keeps(keeper, {kShards});
  EXPECT_EQ(WorkerThatRuns(run, "path"), reader);
  EXPECT_EQ(RankOf(run, "path").epoch, 3);
}

// What such a job makes is to be read together with what the lost worker keeps, so that it waits
// for that worker although another one has its input.
TEST_F(BoundDataTest, AJobThatMakesWhatIsBoundWaitsForALostKeeperAndSaysSo) {
  for (const char* id : {"w1", "w2"}) Exchanges(id);
  const std::string run = Start(Binding::kOutputs);
  const std::string keeper = WorkerThatRuns(run, "prepare:a");
  const std::string reader = keeper == "w1" ? "w2" : "w1";
  Admit(keeper, catalog::WorkerAdmit::kCordoned);
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  ASSERT_EQ(WorkerThatRuns(run, "path"), reader);
  LoseWorker(keeper);
  FailToFetch(run, "path", reader);
  PassBackoff({reader});
  EXPECT_EQ(WorkerThatRuns(run, "path"), "");
  EXPECT_THAT(Waits(run, "path"),
              HasSubstr("kept by worker " + keeper + ", which is not connected"));
  Keeps(reader, {kShards});
  EXPECT_THAT(Waits(run, "path"), HasSubstr(reader + " cannot read what " + keeper +
                                            " keeps: " + keeper + " is not connected"));
  Connect(workers_[keeper]);
  Exchanges(keeper);
  EXPECT_EQ(WorkerThatRuns(run, "path"), reader);
}

TEST_F(BoundDataTest, AfterAStartItWaitsForWhoKeepsIt) {
  const std::string run = Start();
  const std::string keeper = WorkerThatRuns(run, "prepare:a");
  const std::string other = keeper == "w1" ? "w2" : "w1";
  compare_ = false;
  Disconnect(workers_[keeper]);
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  Restart();
  clock_.Advance(60'000);
  Connect(workers_[other]);
  EXPECT_EQ(WorkerThatRuns(run, "path"), "");
  EXPECT_THAT(Waits(run, "path"), HasSubstr("kept by worker " + keeper +
                                            ", which is not connected: start that worker again"));
  Connect(workers_[keeper]);
  Keeps(keeper, {});
  EXPECT_THAT(Waits(run, "path"),
              HasSubstr("which has artifact " + kShards.substr(0, 12) + " no more"));
  Keeps(keeper, {kShards});
  EXPECT_EQ(WorkerThatRuns(run, "path"), keeper);
}

TEST_F(BoundDataTest, AReportSaysNeitherMoreNorLessThanTheJobsBinding) {
  const std::string run = Start(Binding::kInputs);
  const Status sent = EndWith(run, "prepare:a", "shards", kShards, false);
  EXPECT_TRUE(sent.Is(ErrorReason::kBoundToSite));
  EXPECT_THAT(sent.message(), HasSubstr("output shards of " + run +
                                        "/prepare:a is bound to site lab and does not leave it"));
  EXPECT_EQ(core_->state().FindArtifact(kShards), nullptr);
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  const RankKey rank = RankOf(run, "path");
  catalog::ArtifactRecord checkpoint = Artifact(kModel, "checkpoint");
  checkpoint.made_by = rank.attempt();
  checkpoint.bound = true;
  const Status kept = Do(
      [&](Transaction& tx) { return CommitCheckpoint(rank, 5, checkpoint, tx); });
  EXPECT_EQ(kept.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(kept.message(), HasSubstr("is not bound to a site"));
  checkpoint.bound = false;
  EXPECT_TRUE(Do([&](Transaction& tx) { return CommitCheckpoint(rank, 5, checkpoint, tx); }).ok());
}

TEST_F(BoundDataTest, NobodyElseIsGivenIt) {
  const std::string run = Start();
  const std::string keeper = WorkerThatRuns(run, "prepare:a");
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  const State& state = core_->state();
  const Status refused = CheckMayLeave(*state.FindArtifact(kShards), state);
  EXPECT_TRUE(refused.Is(ErrorReason::kBoundToSite));
  EXPECT_THAT(refused.message(),
              HasSubstr("is bound to site lab and does not leave it: its files are on worker " +
                        keeper + ", in /data/" + keeper + "/artifacts"));
  // Another run may not read it: it would have to run there, which its recipe does not say.
  recipe::JobNode reader = Node("reader", "train");
  reader.inputs["data.a"] = {"", "", "", kShards};
  const Status other = Do(
      [&](Transaction& tx) { return Submit(CommandOf({reader}), tx).status(); });
  EXPECT_TRUE(other.Is(ErrorReason::kBoundToSite));
  EXPECT_THAT(other.message(), HasSubstr("job reader, input data.a: artifact "));
}

TEST_F(BoundDataTest, FilesOfBoundOutputsAreNotTaken) {
  const std::string run = Start(Binding::kInputs);
  const State& state = core_->state();
  EXPECT_TRUE(
      CheckOutputMayLeave({run, "prepare:a"}, "shards", state).Is(ErrorReason::kBoundToSite));
  EXPECT_TRUE(CheckOutputMayLeave({run, "prepare:a"}, "shared", state).ok());
  EXPECT_TRUE(CheckOutputMayLeave({run, "path"}, "checkpoint", state).ok());
  EXPECT_TRUE(CheckOutputMayLeave({"r-none", "path"}, "model", state).ok());
  const std::string keeper = WorkerThatRuns(run, "prepare:a");
  const Status unnamed = CheckUnnamedMayLeave(keeper, state);
  EXPECT_TRUE(unnamed.Is(ErrorReason::kBoundToSite));
  EXPECT_THAT(unnamed.message(), HasSubstr("has to say of which output a file is"));
  EXPECT_TRUE(CheckUnnamedMayLeave("hq", state).ok());
}

TEST_F(BoundDataTest, AWorkerKeepsItUntilNobodyNeedsIt) {
  const std::string run = Start();
  const std::string keeper = WorkerThatRuns(run, "prepare:a");
  const RankKey rank = RankOf(run, "prepare:a");
  Keeps(keeper, {kShards}, {rank});
  EXPECT_THAT(ReleasedBy(keeper), IsEmpty()) << "it is about to be committed";
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  ASSERT_TRUE(EndWith(run, "path", "model", kModel, true).ok());
  Keeps(keeper, {kModel, kShards, std::string(64, '9')});
  EXPECT_THAT(ReleasedBy(keeper), IsEmpty()) << "an attempt there may be about to commit it";
  ASSERT_TRUE(EndWith(run, "evaluate:path", "evaluation", std::string(64, 'd'), true).ok());
  Keeps(keeper, {kModel, kShards, std::string(64, '9')});
  EXPECT_THAT(ReleasedBy(keeper), ElementsAre(std::string(64, '9'))) << "nobody has committed it";
  ASSERT_TRUE(Do([&](Transaction& tx) { return DeleteRun(run, tx).status(); }).ok());
  Keeps(keeper, {kModel, kShards});
  EXPECT_THAT(ReleasedBy(keeper), ElementsAre(kShards, kModel));
  Keeps(keeper, {});
  EXPECT_THAT(ReleasedBy(keeper), IsEmpty());
}

// The same recipe makes the same artifacts, also those that were deleted before.
TEST_F(BoundDataTest, WhatIsMadeAgainIsNotReleased) {
  const std::string run = Start();
  ASSERT_TRUE(EndWith(run, "prepare:a", "shards", kShards, true).ok());
  ASSERT_TRUE(EndWith(run, "path", "model", kModel, true).ok());
  ASSERT_TRUE(EndWith(run, "evaluate:path", "evaluation", std::string(64, 'd'), true).ok());
  ASSERT_TRUE(Do([&](Transaction& tx) { return DeleteRun(run, tx).status(); }).ok());
  const std::string again = Start();
  const std::string keeper = WorkerThatRuns(again, "prepare:a");
  // It keeps it, and has not committed it yet.
  Keeps(keeper, {kShards}, {RankOf(again, "prepare:a")});
  ASSERT_TRUE(EndWith(again, "prepare:a", "shards", kShards, true).ok());
  EXPECT_THAT(ReleasedBy(keeper), IsEmpty());
}

}  // namespace
}  // namespace braid::coordinator
