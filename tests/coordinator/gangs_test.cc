// Gangs whose ranks run on several hosts: who is to try whom, what counts of it, and what becomes
// of a gang that is torn apart.
#include "coordinator/core/gangs.h"

#include "coordinator/core/peers.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GangTest : public CoreTest {
 protected:
  // A worker on a host of its own.
  FakeWorker& AddHost(const std::string& id, const std::string& site = "lab", int64_t slots = 1) {
    FakeWorker& worker = workers_[id];
    worker.record.id = id;
    worker.record.boot_id = id + "-boot-1";
    worker.record.site = site;
    worker.record.host = "host of " + id;
    worker.record.cpu_slots = slots;
    worker.record.folder = "/data/" + id;
    worker.advertised = {"10.0.0." + id.substr(1), "eth0", 4000, std::string(32, id.back())};
    Connect(worker);
    EXPECT_TRUE(Beat(worker).ok());
    return worker;
  }

  static std::vector<std::string> Names(const FakeWorker& worker) {
    std::vector<std::string> names;
    if (worker.sink->newest == nullptr || worker.sink->newest->peers == nullptr) return names;
    for (const Peer& peer : *worker.sink->newest->peers) names.push_back(peer.worker);
    return names;
  }

  // Tries whom it is told to try, and reaches all but those in `apart`.
  void Try(FakeWorker& worker, const std::set<std::string>& apart = {}) {
    worker.reach.emplace();
    if (worker.sink->newest->peers != nullptr) {
      for (const Peer& peer : *worker.sink->newest->peers) {
        const bool reached = !apart.contains(peer.worker);
        (*worker.reach)[peer.worker] = {peer.boot_id, peer.asked, reached,
                                        reached ? "" : peer.address + " port 1: No route to host"};
      }
    }
    EXPECT_TRUE(Beat(worker).ok());
  }
  void TryAll() {
    for (auto& [id, worker] : workers_) Try(worker);
  }
  void BeatAll() {
    for (auto& [id, worker] : workers_) EXPECT_TRUE(Beat(worker).ok());
  }

  // Two hosts that train a gang.
  std::string StartGang() {
    const std::string run = SubmitJobs({Node("a", "joint", {}, /*ranks=*/2)});
    TryAll();
    BeatAll();
    EXPECT_EQ(Job(run, "a").state, JobState::kActive);
    return run;
  }
  const AttemptRecord& Attempt(const std::string& run, int64_t epoch) {
    return *core_->state().FindAttempt({run, "a", epoch});
  }
  void Step(FakeWorker& worker, int64_t done) {
    worker.progress = task::Progress{.phase = "training", .done = done, .time_ms = 1};
    EXPECT_TRUE(Beat(worker).ok());
  }
  // Time in which these workers are heard, each second.
  void Pass(int64_t ms, const std::vector<FakeWorker*>& heard) {
    for (int64_t passed = 0; passed < ms; passed += 1000) {
      clock_.Advance(1000);
      for (FakeWorker* worker : heard) EXPECT_TRUE(Beat(*worker).ok());
      if (heard.empty()) Turn();
    }
  }
  std::string Detail(const std::string& run) {
    return core_->state().PendingOf(Job(run, "a")).value().detail;
  }
};

TEST_F(GangTest, NobodyDialsAnybodyUntilAJobNeedsIt) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  EXPECT_THAT(Names(one), IsEmpty());
  SubmitJobs({Node("single", "train")});
  BeatAll();
  EXPECT_THAT(Names(one), IsEmpty());
  const std::string run = SubmitJobs({Node("first", "train"), Node("a", "joint", {}, 2)});
  EXPECT_THAT(Names(one), ElementsAre("w2"));
  EXPECT_THAT(Names(two), ElementsAre("w1"));
  const Peer peer = two.sink->newest->peers->at(0);
  EXPECT_EQ(peer.address, "10.0.0.1");
  EXPECT_EQ(peer.probe_port, 4000);
  EXPECT_EQ(peer.probe_key, std::string(32, '1'));
  EXPECT_EQ(peer.boot_id, "w1-boot-1");
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  BeatAll();
  EXPECT_THAT(Names(one), IsEmpty()) << "no gang is left";
}

// Whoever reads what is bound dials the worker that keeps it.
TEST_F(GangTest, WorkersTryEachOtherWhileAJobWithABindingIsThere) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  recipe::JobNode bound = Node("b", "train");
  bound.site = "lab";
  bound.slots = 9;  // so that it waits
  bound.binding = task::Binding::kInputs;
  const std::string run = SubmitJobs({bound});
  EXPECT_THAT(Names(one), ElementsAre("w2"));
  EXPECT_THAT(Names(two), ElementsAre("w1"));
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  BeatAll();
  EXPECT_THAT(Names(one), IsEmpty());
}

TEST_F(GangTest, OnlyWorkersOfOtherHostsOfTheSiteAreNamed) {
  AddHost("w1");
  FakeWorker& neighbour = AddHost("w2");
  FakeWorker& far = AddHost("w3", "far");
  FakeWorker& homeless = AddHost("w4", "");
  FakeWorker& old = AddHost("w5");
  old.advertised.reset();
  neighbour.record.host = "host of w1";
  for (FakeWorker* worker : {&neighbour, &old}) {
    Connect(*worker);
    EXPECT_TRUE(Beat(*worker).ok());
  }
  AddHost("w6");
  const std::string run = SubmitJobs({Node("a", "joint", {}, 9)});
  EXPECT_THAT(Names(workers_["w1"]), ElementsAre("w6"));
  EXPECT_THAT(Names(neighbour), ElementsAre("w6"));
  EXPECT_THAT(Names(workers_["w6"]), ElementsAre("w1", "w2"));
  EXPECT_THAT(Names(far), IsEmpty());
  EXPECT_THAT(Names(homeless), IsEmpty());
  EXPECT_THAT(Names(old), IsEmpty());
  recipe::JobNode wide = Node("wide", "joint", {}, 9);
  wide.across_sites = true;
  SubmitJobs({wide});
  EXPECT_THAT(Names(far), ElementsAre("w1", "w2", "w4", "w6"));
  EXPECT_THAT(Names(homeless), ElementsAre("w1", "w2", "w3", "w6"));
}

TEST_F(GangTest, OfManyHostsEachTriesItsNeighbours) {
  for (int i = 100; i < 150; ++i) AddHost("w" + std::to_string(i));
  SubmitJobs({Node("a", "joint", {}, 60)});
  for (auto& [id, worker] : workers_) {
    EXPECT_THAT(Names(worker), SizeIs(32)) << id;
    for (const std::string& peer : Names(worker))
      EXPECT_THAT(Names(workers_[peer]), ::testing::Contains(id)) << "both ways";
  }
}

TEST_F(GangTest, AGangStartsWhenItsHostsHaveReachedEachOther) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  const std::string run = SubmitJobs({Node("a", "joint", {}, 2)});
  EXPECT_THAT(Detail(run), HasSubstr("w1 has not tried to reach w2 yet"));
  Try(one);
  Try(two, {"w1"});
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  EXPECT_THAT(Detail(run), HasSubstr("w2 cannot reach w1 at 10.0.0.1 port 1: No route to host"));
  Try(two);
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
  ASSERT_THAT(one.sink->newest->ranks, SizeIs(1));
  EXPECT_TRUE(one.sink->newest->ranks[0].across_hosts);
}

TEST_F(GangTest, AGangOfOneHostMeetsOnItsLoopback) {
  FakeWorker& one = AddHost("w1", "lab", 2);
  const std::string run = SubmitJobs({Node("a", "joint", {}, 2)});
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
  EXPECT_THAT(Names(one), IsEmpty());
  EXPECT_FALSE(one.sink->newest->ranks.at(0).across_hosts);
}

TEST_F(GangTest, WhatWasFoundAboutAnEarlierBootDoesNotCount) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  SubmitJobs({Node("long", "train")});  // keeps w1 or w2 busy
  const std::string run = SubmitJobs({Node("a", "joint", {}, 2)});
  TryAll();
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  two.record.boot_id = "w2-boot-2";
  Pass(20'000, {&one});
  Connect(two);
  two.reach.reset();
  EXPECT_TRUE(Beat(two).ok());
  EXPECT_TRUE(Beat(one).ok()) << "with what it found about the boot before";
  EXPECT_THAT(TriedBy("w1", core_->state()), IsEmpty());
}

TEST_F(GangTest, AnAddressThatIsNoneIsRefused) {
  FakeWorker& one = AddHost("w1");
  const Advertised good = *one.advertised;
  for (const Advertised& bad :
       {Advertised{"", good.interface, good.probe_port, good.probe_key},
        Advertised{std::string(1000, '1'), good.interface, good.probe_port, good.probe_key},
        Advertised{good.address, "eth0\n", good.probe_port, good.probe_key},
        Advertised{good.address, good.interface, 65536, good.probe_key},
        Advertised{good.address, good.interface, good.probe_port, "short"}}) {
    one.advertised = bad;
    const Status refused = Beat(one);
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(refused.message(), HasSubstr("a hello advertises an address"));
  }
  EXPECT_EQ(core_->state().workers.at("w1").advertised, good);
}

TEST_F(GangTest, WhatAWorkerSaysOfItsPeersIsBounded) {
  FakeWorker& one = AddHost("w1");
  one.reach.emplace();
  for (int i = 0; i < 5000; ++i)
    (*one.reach)["x" + std::to_string(i)] = {"b", 0, false, std::string(100'000, 'y')};
  EXPECT_TRUE(Beat(one).ok());
  const auto& kept = core_->state().workers.at("w1").reach;
  EXPECT_THAT(kept, SizeIs(1024));
  EXPECT_LT(kept.begin()->second.why.size(), 400u);
}

TEST_F(GangTest, ASilentRankFreesItsPeersWhenTheyMakeNoStep) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  const std::string run = StartGang();
  Step(one, 10);
  Step(two, 10);
  Pass(20'000, {&one});  // longer than the ttl; w2 is silent, and no step comes
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kOffered) << "a step may take so long";
  Pass(12'000, {&one});
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kStopping);
  EXPECT_THAT(Attempt(run, 1).failure.error,
              HasSubstr("nothing is heard of worker w2 (rank 1), and no rank has made a step for"));
  // As soon as the rank that can be reached is gone, all is over.
  EXPECT_TRUE(End({{run, "a", 1}, 0}, "w1", false, "cancelled", "stopped").ok());
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kFailed);
  EXPECT_EQ(Job(run, "a").epoch, 1);
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  const std::string small = SubmitJobs({Node("small", "train")});
  EXPECT_EQ(Job(small, "small").state, JobState::kActive) << "the slot of w1 is free";
  // The silent one is heard again: it is told to drop its rank, and what it says is refused.
  Connect(two);
  EXPECT_TRUE(Beat(two).ok());
  EXPECT_THAT(two.sink->newest->ranks, IsEmpty());
  EXPECT_EQ(End({{run, "a", 1}, 1}, "w2", true).reason(), "STALE_LEASE");
}

// Nobody is connected yet, which says nothing of the ranks.
TEST_F(GangTest, ACoordinatorThatHasJustStartedWaitsForTheRanksOfAnAbortedGang) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  const std::string run = StartGang();
  Step(one, 10);
  Step(two, 10);
  Pass(20'000, {&one});
  Pass(12'000, {&one});
  ASSERT_EQ(Attempt(run, 1).state, AttemptState::kStopping);
  Restart();
  Pass(1'000, {});
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kStopping);
}

TEST_F(GangTest, AGangThatGoesOnKeepsItsSilentRank) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  const std::string run = StartGang();
  Step(one, 1);
  for (int step = 2; step < 12; ++step) {
    Pass(20'000, {&one});
    Step(one, step);
  }
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kOffered) << "w2 is only cut off from here";
  // The same if rank 0 is the silent one: its peers tell of their steps.
  Connect(two);
  Step(two, 12);
  for (int step = 13; step < 23; ++step) {
    Pass(20'000, {&two});
    Step(two, step);
  }
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kOffered);
  // Steps of 20 s are waited for three times as long.
  Pass(58'000, {&two});
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kOffered);
  Pass(6'000, {&two});
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kStopping);
}

TEST_F(GangTest, ALineThatIsCutBetweenConnectedWorkersEndsTheirGang) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  const std::string run = StartGang();
  Step(one, 3);
  Try(one, {"w2"});
  Pass(29'000, {&one, &two});
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kOffered);
  Pass(3'000, {&one, &two});
  EXPECT_EQ(Attempt(run, 1).state, AttemptState::kStopping);
  EXPECT_THAT(Attempt(run, 1).failure.error,
              HasSubstr("worker w1 cannot reach w2 at 10.0.0.2 port 1: No route to host, and no "
                        "rank has made a step for"));
}

TEST_F(GangTest, AfterALossTheHostsTryEachOtherAgainFirst) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  const std::string run = StartGang();
  EXPECT_TRUE(End({{run, "a", 1}, 0}, "w1", false, "infra", "a rank of the gang was lost").ok());
  EXPECT_TRUE(End({{run, "a", 1}, 1}, "w2", false, "infra", "a rank of the gang was lost").ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  BeatAll();  // with what they found before
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued);
  EXPECT_THAT(Detail(run), HasSubstr("w1 has not tried to reach w2 yet"));
  TryAll();
  EXPECT_EQ(Job(run, "a").epoch, 2);
  EXPECT_EQ(Job(run, "a").state, JobState::kActive);
  EXPECT_EQ(one.sink->newest->peers->at(0).asked, two.sink->newest->peers->at(0).asked);
}

TEST_F(GangTest, ThePeersOfALostHostSayOfWhomNothingIsHeard) {
  FakeWorker& one = AddHost("w1");
  FakeWorker& two = AddHost("w2");
  const std::string run = StartGang();
  Disconnect(two);
  EXPECT_TRUE(Beat(one).ok());
  EndedCommand lost;
  lost.rank = {{run, "a", 1}, 0};
  lost.worker = "w1";
  lost.failure = {"infra", "a rank of the gang was lost: Connection closed by peer", "", false};
  lost.peer_lost = true;
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(lost, tx); }).ok());
  EXPECT_EQ(Job(run, "a").state, JobState::kQueued) << "not after ttl and grace, but at once";
  EXPECT_EQ(Attempt(run, 1).failure.error, "nothing is heard of worker w2 (rank 1)");
}

}  // namespace
}  // namespace braid::coordinator
