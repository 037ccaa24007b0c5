// Where jobs run whose data is bound to a site.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/scheduler/schedule_fixture.h"

namespace braid::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JobView BoundJob(const std::string& name, const std::set<std::string>& keepers = {}) {
  JobView job = Job(name, 1);
  job.run = "r";
  job.site = "lab";
  job.binding = task::Binding::kOutputs;
  job.keepers.here = keepers;
  return job;
}

WorkerView Keeping(const std::string& id, const std::set<std::string>& kept,
                   const std::string& site = "lab") {
  WorkerView worker = Worker(id, 4, 0, site);
  worker.kept = std::make_shared<const std::set<std::string>>(kept);
  return worker;
}

// Two workers on two hosts that can read each other's files.
std::vector<WorkerView> Exchanging(WorkerView one, WorkerView two) {
  for (WorkerView* worker : {&one, &two}) {
    worker->host = worker->id;
    worker->address = "10.0.0." + worker->id.substr(1);
    worker->serves_files = worker->reads_bound = true;
  }
  one.tried[two.id] = two.tried[one.id] = "";
  return {one, two};
}

TEST(BoundDataTest, JobsOfARunThatMakeItUseAllWorkersThatReadFromEachOther) {
  const Snapshot snapshot = {Exchanging(Worker("w1", 1, 0, "lab"), Worker("w2", 1, 0, "lab")),
                             {BoundJob("one"), BoundJob("two")},
                             0,
                             false};
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 2u);
  EXPECT_NE(plan.grants[0].workers, plan.grants[1].workers);
}

TEST(BoundDataTest, WithoutThatTheyGoToOneWorkerAndTheOthersSayWhy) {
  const auto why_not = [](const std::function<void(WorkerView&, WorkerView&)>& change) {
    Snapshot snapshot = {Exchanging(Worker("w1", 1, 0, "lab"), Worker("w2", 1, 0, "lab")),
                         {BoundJob("one"), BoundJob("two")},
                         0,
                         false};
    snapshot.workers.push_back(Worker("far", 9, 0, "hq"));
    change(snapshot.workers[0], snapshot.workers[1]);
    const Plan plan = Schedule(snapshot);
    EXPECT_EQ(plan.grants.size(), 1u);
    EXPECT_EQ(OnlyReason(plan), Reason::kWaitingCapacity);
    return plan.waiting.empty() ? "" : plan.waiting[0].detail;
  };
  EXPECT_THAT(why_not([](WorkerView&, WorkerView& w2) { w2.serves_files = false; }),
              HasSubstr("it needs 1 CPU slot at site lab; w1 could not read what w2 would keep: w2 "
                        "serves no files: start it without --serve-files no"));
  EXPECT_THAT(
      why_not([](WorkerView&, WorkerView& w2) { w2.reads_bound = false; }),
      HasSubstr("w2 cannot read what w1 keeps: w2 fetches nothing from others: start it with "
                "--site lab, or update its braid-worker"));
  EXPECT_THAT(why_not([](WorkerView& w1, WorkerView&) {
                w1.address = "";
                w1.serves_files = false;
              }),
              HasSubstr("w1 advertises no address: start it with --advertise"));
  EXPECT_THAT(why_not([](WorkerView& w1, WorkerView&) { w1.tried = {{"w2", "10.0.0.2: no"}}; }),
              HasSubstr("w1 cannot reach w2 at 10.0.0.2: no"));
  EXPECT_THAT(why_not([](WorkerView&, WorkerView& w2) { w2.tried.clear(); }),
              HasSubstr("w2 has not tried to reach w1 yet"));
  EXPECT_THAT(why_not([](WorkerView&, WorkerView& w2) { w2.ephemeral = true; }),
              HasSubstr("w2 leaves for good (--ephemeral), and what the job makes is to stay"));
}

TEST(BoundDataTest, OfOneHostNothingNeedBeTried) {
  std::vector<WorkerView> workers = Exchanging(Worker("w1", 1, 0, "lab"),
                                               Worker("w2", 1, 0, "lab"));
  for (WorkerView& worker : workers) {
    worker.host = "h";
    worker.tried.clear();
  }
  EXPECT_EQ(Schedule({workers, {BoundJob("one"), BoundJob("two")}, 0, false}).grants.size(), 2u);
}

TEST(BoundDataTest, AWorkerThatDoesNotComeBackKeepsNothing) {
  WorkerView passing = Worker("w1", 1, 0, "lab");
  passing.ephemeral = true;
  EXPECT_TRUE(Schedule({{passing}, {BoundJob("j")}, 0, false}).grants.empty());
  // It may read: what is made of it leaves the site in any case.
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Worker("w2", 1, 0, "lab"));
  workers[0].cpu_used = 4;
  workers[1].ephemeral = true;
  JobView reader = BoundJob("reader");
  reader.binding = task::Binding::kInputs;
  reader.bound = {{"x", "w1"}};
  EXPECT_EQ(Schedule({workers, {reader}, 0, false}).grants.size(), 1u);
}

TEST(BoundDataTest, WhoReadsItRunsWhereItIsIfThereIsRoom) {
  JobView job = BoundJob("j", {"w1"});
  job.bound = {{"0123456789abcdef", "w1"}};
  job.inputs = {"0123456789abcdef"};
  std::vector<WorkerView> workers = Exchanging(Worker("w2", 4, 0, "lab"),
                                               Keeping("w1", {"0123456789abcdef"}));
  const auto placed = [&] { return Schedule({workers, {job}, 0, false}).grants.at(0).workers; };
  EXPECT_EQ(placed(), (std::vector<size_t>{1}));
  workers[1].cpu_used = 4;
  EXPECT_EQ(placed(), (std::vector<size_t>{0}));
}

TEST(BoundDataTest, WhoHasReadItNeedsItsKeeperNoMore) {
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Worker("w2", 1, 0, "lab"));
  workers[0].connected = false;
  JobView reader = BoundJob("reader");
  reader.binding = task::Binding::kInputs;
  reader.bound = {{"x", "w1"}};
  const Plan gone = Schedule({workers, {reader}, 0, false});
  EXPECT_EQ(OnlyReason(gone), Reason::kDataSiteOffline);
  EXPECT_THAT(gone.waiting[0].detail,
              HasSubstr("bound to site lab and kept by worker w1, which is not connected"));
  workers[1].cached = std::make_shared<const std::set<std::string>>(std::set<std::string>{"x"});
  EXPECT_EQ(Schedule({workers, {reader}, 0, false}).grants.size(), 1u);
}

// One that keeps what the job needs and has too little memory is read by one that has enough.
TEST(BoundDataTest, AKeeperWithTooLittleMemoryIsRead) {
  JobView job = BoundJob("j", {"w1"});
  job.bound = {{"x", "w1"}};
  job.memory_bytes = 24 * kGib;
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Worker("w2", 4, 0, "lab"));
  workers[0].memory_bytes = 8 * kGib;
  workers[1].memory_bytes = 64 * kGib;
  EXPECT_THAT(Schedule({workers, {job}, 0, false}).grants.at(0).workers, ElementsAre(1));
  workers[1].reads_bound = false;
  const Plan apart = Schedule({workers, {job}, 0, false});
  EXPECT_EQ(OnlyReason(apart), Reason::kDataSiteOffline);
  EXPECT_THAT(apart.waiting[0].detail, HasSubstr("w2 cannot read what w1 keeps"));
  EXPECT_THAT(apart.waiting[0].detail,
              HasSubstr("; it needs 1 CPU slot and 24.0 GiB of memory at site lab"));
  workers.pop_back();
  const Plan small = Schedule({workers, {job}, 0, false});
  EXPECT_EQ(OnlyReason(small), Reason::kUnschedulable);
  EXPECT_THAT(small.waiting[0].detail,
              HasSubstr("at site lab; the most memory is that of worker w1, 8.0 GiB"));
}

TEST(BoundDataTest, WhoeverCannotReadItSaysWhoKeepsIt) {
  JobView job = BoundJob("j", {"w1"});
  job.bound = {{"0123456789abcdef", "w1"}};
  const Plan emptied = Schedule(
      {Exchanging(Keeping("w2", {}), Keeping("w1", {})), {job}, 0, false});
  EXPECT_EQ(OnlyReason(emptied), Reason::kDataSiteOffline);
  EXPECT_THAT(emptied.waiting[0].detail, HasSubstr("has artifact 0123456789ab no more"));
  EXPECT_THAT(emptied.waiting[0].detail, HasSubstr("or submit the run anew"));
  // Its keeper has no slot of this kind, and the other one cannot read there.
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"0123456789abcdef"}),
                                               Keeping("w2", {}));
  workers[0].kinds = {"prepare"};
  workers[1].tried = {{"w1", "10.0.0.1 port 5: no answer"}};
  const Plan apart = Schedule({workers, {job}, 0, false});
  EXPECT_EQ(OnlyReason(apart), Reason::kDataSiteOffline);
  EXPECT_EQ(apart.waiting[0].detail,
            "no worker can run it with what is bound to site lab: w2 cannot read what w1 keeps: w2 "
            "cannot reach w1 at 10.0.0.1 port 5: no answer");
}

TEST(BoundDataTest, AGangRunsOnSeveralWorkersThatReadWhatItNeeds) {
  JobView gang = BoundJob("gang");
  gang.ranks = 2;
  gang.bound = {{"x", "w1"}};
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Worker("w2", 1, 0, "lab"));
  workers[0].cpu_used = 3;
  EXPECT_THAT(Schedule({workers, {gang}, 0, false}).grants.at(0).workers, ElementsAre(0, 1));
  workers[1].reads_bound = false;
  const Plan apart = Schedule({workers, {gang}, 0, false});
  EXPECT_EQ(OnlyReason(apart), Reason::kGangIncomplete);
  EXPECT_THAT(apart.waiting[0].detail,
              HasSubstr("room for 1 of 2 ranks now, 4 at most; w2 cannot read what w1 keeps"));
}

// Two that keep the same of another run, and do not exchange files: either may be used, not both.
TEST(BoundDataTest, WhoKeepsWhatWasTakenOverIsUsedAloneIfItExchangesNothing) {
  Snapshot snapshot = {{Keeping("w1", {"x"}), Keeping("w2", {"x"})},
                       {BoundJob("one"), BoundJob("two"), BoundJob("three")},
                       0,
                       false};
  for (WorkerView& worker : snapshot.workers) worker.cpu_slots = 1;
  for (JobView& job : snapshot.jobs) {
    job.keepers.before = {"w1"};
    job.bound = {{"x", "w1"}};
  }
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(plan.grants[0].workers, (std::vector<size_t>{0}));
}

// One that is about to be back may be able to read it.
TEST(BoundDataTest, AWorkerThatRestartsIsNoReasonToGiveUp) {
  JobView job = BoundJob("j", {"w1"});
  job.bound = {{"x", "w1"}};
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}), Keeping("w2", {}));
  workers[0].kinds = {"prepare"};
  workers[1].connected = workers[1].serves_files = workers[1].reads_bound = false;
  EXPECT_EQ(OnlyReason(Schedule({workers, {job}, 0, false})), Reason::kNoMatchingWorker);
}

TEST(BoundDataTest, AKeeperAtAnotherSiteIsReadByNobody) {
  JobView job = BoundJob("j", {"w1"});
  std::vector<WorkerView> workers = Exchanging(Keeping("w1", {"x"}, "hq"), Keeping("w2", {}));
  const Plan plan = Schedule({workers, {job}, 0, false});
  EXPECT_EQ(OnlyReason(plan), Reason::kDataSiteOffline);
  EXPECT_THAT(plan.waiting[0].detail,
              HasSubstr("w2 cannot read what w1 keeps: w1 is at site hq now"));
}

// Slots on two workers are no room for it, so none are kept free for it.
TEST(BoundDataTest, AGangThatFitsOnNoWorkersOfItsSiteHoldsNobodyUp) {
  JobView gang = BoundJob("gang", {"w1"});
  gang.ranks = gang.slots = 2;
  const Snapshot snapshot = {
      {Worker("w1", 2, 0, "lab"), Worker("w2", 2, 0, "lab")}, {gang, Job("other", 1)}, 0, false};
  const Plan plan = Schedule(snapshot);
  ASSERT_EQ(plan.grants.size(), 1u);
  EXPECT_EQ(snapshot.jobs[plan.grants[0].job].name, "other");
  EXPECT_EQ(OnlyReason(plan), Reason::kGangIncomplete);
  EXPECT_THAT(plan.waiting[0].detail, HasSubstr("room for 0 of 2 ranks now, 1 at most"));
  EXPECT_THAT(plan.waiting[0].detail, HasSubstr("w2 cannot read what w1 keeps"));
}

}  // namespace
}  // namespace braid::scheduler
