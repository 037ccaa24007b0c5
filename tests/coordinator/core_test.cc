// The loop: what a store that is full, locked or broken, or a decision that throws, does to a
// batch.
#include "coordinator/core/core.h"

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The costs of critical paths that were computed for a child which then was not queued after all
// must not stay; every turn compares them with those of a reload.
TEST_F(CoreTest, ASuccessThatCouldNotBeWrittenLeavesNoCostsBehind) {
  AddWorker("w1");
  const std::string run = SubmitJobs(
      {Node("a", "train"), Node("b", "merge", {{"init", {"a", "model", "", ""}}})});
  Restart();  // no costs are known any more
  Connect(workers_["w1"]);
  store_.full = true;
  EXPECT_EQ(End(RankOf(run, "a"), "w1", true).reason(), "STORAGE_FULL");
  store_.full = false;
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "user", "once").ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
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

// A grant is no command, which somebody would send again: the loop itself tries it again, although
// nothing else has changed.
TEST_F(CoreTest, AGrantThatAFullDiskRefusedIsTriedAgain) {
  FakeWorker& worker = AddWorker("w1");
  SignalCommand signal;
  signal.worker = "w1";
  signal.session_id = worker.session;
  signal.draining = true;
  EXPECT_TRUE(Do([&](Transaction& tx) { return Signal(signal, tx); }).ok());
  const std::string run = SubmitJobs({Node("a", "train")});
  ASSERT_EQ(Job(run, "a").state, JobState::kQueued);
  store_.full = true;
  signal.draining = false;
  EXPECT_TRUE(Do([&](Transaction& tx) { return Signal(signal, tx); }).ok());
  ASSERT_EQ(Job(run, "a").state, JobState::kQueued) << "the grant could not be written";
  clock_.Advance(2'000);
  Turn();  // nobody asks for anything any more, and it is in vain again
  ASSERT_EQ(Job(run, "a").state, JobState::kQueued);
  store_.full = false;
  clock_.Advance(2'000);
  Turn();
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
}

// An effect that throws is a fault of its code alone: the loop goes on, and so do the other
// effects.
TEST_F(CoreTest, AnEffectThatThrowsKeepsNoOtherFromBeingDone) {
  std::vector<std::string> done;
  const auto effects = [&](const std::string& name) {
    return [&, name](Transaction& tx) {
      tx.Later([&, name] { done.push_back(name + " 1"); });
      tx.Later([] { throw std::runtime_error("no memory"); });
      tx.Later([&, name] { done.push_back(name + " 2"); });
      return OkStatus();
    };
  };
  const auto first = Post(effects("a"));
  const auto second = Post(effects("b"));
  Turn();
  EXPECT_THAT(done, ElementsAre("a 1", "a 2", "b 1", "b 2"));
  EXPECT_TRUE((*first)->ok());
  EXPECT_TRUE((*second)->ok());
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

// A grant changes the shares of the users, and with them whose wide job comes first and has slots
// kept for it. So a pass that granted something is followed by another one, though nobody asks for
// anything.
TEST_F(CoreTest, APassThatGrantsIsFollowedByAnotherOneWhileAWideJobWaits) {
  AddWorker("w1", 2);
  FakeWorker& gpus = AddWorker("w2", 0);
  gpus.record.gpus = {{"g0", "H200", 1 << 30}};
  Connect(gpus);
  const std::string first = SubmitJobs({Node("a", "train")}, "carl");
  ASSERT_EQ(Job(first, "a").state, JobState::kActive);
  recipe::JobNode wide = Node("wide", "train"), on_gpu = Node("on_gpu", "train");
  wide.slots = 2;
  on_gpu.device = Device::kCuda;
  SubmitCommand of_ann = CommandOf({wide, on_gpu}), of_bob = CommandOf({Node("small", "train")});
  of_ann.user = "ann";
  of_bob.user = "bob";
  std::string ann, bob;
  Post([&](Transaction& tx) -> Status {
    BRAID_ASSIGN_OR_RETURN(ann, Submit(of_ann, tx));
    return OkStatus();
  });
  Post([&](Transaction& tx) -> Status {
    BRAID_ASSIGN_OR_RETURN(bob, Submit(of_bob, tx));
    return OkStatus();
  });
  Turn();
  EXPECT_EQ(Job(ann, "on_gpu").state, JobState::kActive);
  EXPECT_EQ(Job(bob, "small").state, JobState::kQueued) << "the free slot is kept for ann's";
  Turn();
  EXPECT_EQ(Job(bob, "small").state, JobState::kActive) << "ann holds all GPUs: bob is next";
  EXPECT_EQ(Job(ann, "wide").state, JobState::kQueued);
}

TEST_F(CoreTest, AReadThatThrowsIsItsOwnError) {
  Status answer;
  core_->Post({nullptr,
               [](const State& state) {
                 (void)state.image().runs.at("none");
                 return OkStatus();
               },
               [&](Status status) { answer = status; }});
  Turn();
  EXPECT_EQ(answer.code(), StatusCode::kInternal);
}

// Or each question about it would read all of it again.
TEST_F(CoreTest, TheLargestEndedRunThatIsAskedForStaysInMemory) {
  ended_rows_ = 4;
  Restart();
  compare_ = false;
  const auto ended_run = [&](int jobs) {
    std::vector<recipe::JobNode> nodes;
    for (int i = 0; i < jobs; ++i) nodes.push_back(Node("j" + std::to_string(i), "train"));
    const std::string run = SubmitJobs(nodes);
    EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
    return run;
  };
  const std::string large = ended_run(20);
  std::vector<std::string> small;
  for (int i = 0; i < 4; ++i) small.push_back(ended_run(1));
  ASSERT_NE(core_->state().FindRun(large), nullptr);
  Turn();
  const auto& runs = core_->state().image().runs;
  EXPECT_TRUE(runs.contains(large));
  EXPECT_TRUE(runs.contains(small[3]));
  EXPECT_FALSE(runs.contains(small[0]));
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

}  // namespace
}  // namespace braid::coordinator
