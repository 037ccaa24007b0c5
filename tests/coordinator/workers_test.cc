// Workers as the core sees them: who they are, when they are missed, what they have room for.
#include "coordinator/core/admission.h"
#include "coordinator/core/sessions.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

TEST_F(CoreTest, MemoryIsHeldAsLongAsTheLease) {
  constexpr int64_t kGib = int64_t{1} << 30;
  FakeWorker& worker = AddWorker("w1", 2);
  worker.record.memory_bytes = 8 * kGib;
  Disconnect(worker);
  Connect(worker);
  recipe::JobNode one = Node("a", "train"), two = Node("b", "train");
  one.memory_bytes = two.memory_bytes = 6 * kGib;
  const std::string run = SubmitJobs({one, two});
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
  EXPECT_EQ(core_->state().PendingOf(Job(run, "b")).value().detail,
            "the memory beside the free slots is taken: it needs 1 CPU slot and 6.0 GiB of "
            "memory");
  // The worker comes back on a larger machine.
  worker.record.memory_bytes = 16 * kGib;
  Disconnect(worker);
  Connect(worker);
  EXPECT_EQ(Job(run, "b").state, JobState::kActive);
}

TEST_F(CoreTest, AWorkerWithNegativeMemoryIsRefused) {
  FakeWorker worker;
  worker.record.id = "w1";
  worker.record.boot_id = "boot";
  worker.record.memory_bytes = -1;
  EXPECT_EQ(SayHello(worker).message(),
            "worker w1 offers -1 bytes of memory: 0 (not known) or more are possible");
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
    return core_->state().PendingOf(Job(run, "a")).value();
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

// Nothing more is to come of a worker that was removed: what was stopping there has stopped.
TEST_F(CoreTest, ARemovedWorkerLeavesNothingLingering) {
  FakeWorker& worker = AddWorker("w1");
  const std::string run = SubmitJobs({Node("a", "train")});
  EXPECT_TRUE(Beat(worker).ok());
  const AttemptKey attempt{run, "a", 1};
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  ASSERT_EQ(core_->state().FindAttempt(attempt)->state, AttemptState::kStopping);
  EXPECT_TRUE(Do([&](Transaction& tx) {
                tx.worker("w1").delivering.insert(RankKey{attempt, 0});
                Remove("w1", "gone for good", tx);
                return OkStatus();
              }).ok());
  EXPECT_EQ(worker.sink->replaced, "gone for good");
  EXPECT_EQ(core_->state().FindAttempt(attempt)->state, AttemptState::kCancelled);
  const LiveWorker& live = core_->state().workers.at("w1");
  EXPECT_EQ(live.link, scheduler::Link::kOffline);
  EXPECT_TRUE(live.ranks.empty());
  EXPECT_TRUE(live.delivering.empty());
  EXPECT_EQ(core_->state().image().workers.at("w1").admit, catalog::WorkerAdmit::kCordoned);
  EXPECT_EQ(Beat(worker).reason(), "WORKER_REPLACED");
  // And no word of it later, when its silence would have been long enough.
  clock_.Advance(3'600'000);
  Turn();
  EXPECT_EQ(core_->state().workers.at("w1").link, scheduler::Link::kOffline);
}

}  // namespace
}  // namespace braid::coordinator
