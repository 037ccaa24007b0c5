// Two workers announce one GPU: only one of them has it at a time, and everybody is told.
#include "coordinator/core/gpus.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/core.h"
#include "coordinator/core/runs.h"
#include "coordinator/core/sessions.h"
#include "storage/catalog/catalog.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Sink final : public SessionSink {
 public:
  void Push(std::shared_ptr<const Desired> desired) override { newest = std::move(desired); }
  void Replaced(const std::string&) override {}
  std::shared_ptr<const Desired> newest;
};

class GpusTest : public ::testing::Test {
 protected:
  GpusTest() { Restart(); }

  void Restart() {
    Options options;
    options.store = store_.get();
    options.clock = &clock_;
    options.uniform = [] { return 0.5; };
    options.run_id = [] { return "r-1"; };
    core_ = Core::Create(options).value();
    sessions_.clear();
  }

  Status Do(std::function<Status(Transaction&)> decide) {
    Status answer = Internal("not answered");
    core_->Post({std::move(decide), nullptr, [&](Status status) { answer = std::move(status); }});
    EXPECT_TRUE(core_->Step().ok());
    EXPECT_TRUE(store_->Load().value() == core_->state().image()) << "memory and catalog differ";
    return answer;
  }

  // A hello; what is asked for afterwards is what the worker was sent last.
  std::shared_ptr<Sink> Connect(const std::string& id, const std::vector<std::string>& gpus,
                                const std::string& host = "vm") {
    catalog::WorkerRecord record;
    record.id = id;
    record.boot_id = id + "-boot";
    record.host = host;
    record.site = "local";
    record.cpu_slots = 1;
    for (const std::string& gpu : gpus) record.gpus.push_back({gpu, "H100", 80});
    const auto sink = std::make_shared<Sink>();
    EXPECT_TRUE(Do([&](Transaction& tx) {
                  const auto session = Hello(record, sink, tx);
                  if (session.ok()) sessions_[id] = *session;
                  return session.status();
                }).ok());
    return sink;
  }

  void Disconnect(const std::string& id) {
    EXPECT_TRUE(Do([&](Transaction& tx) {
                  SessionClosed(id, sessions_[id], tx);
                  return OkStatus();
                }).ok());
  }

  void Beat(const std::string& id) {
    SignalCommand signal;
    signal.worker = id;
    signal.session_id = sessions_[id];
    EXPECT_TRUE(Do([&](Transaction& tx) { return Signal(signal, tx); }).ok());
  }

  std::vector<std::string> GpusOf(const std::string& worker) {
    std::vector<std::string> ids;
    for (const catalog::GpuRecord& gpu : core_->state().image().workers.at(worker).gpus)
      ids.push_back(gpu.id);
    return ids;
  }

  std::vector<std::string> Events(const std::string& kind) {
    std::vector<std::string> details;
    const std::vector<catalog::EventRecord> events = store_->ReadEvents({}).value();  // a loop does
                                                                                      // not keep a
                                                                                      // Result
                                                                                      // alive
    for (const catalog::EventRecord& event : events) {
      if (event.kind == kind) details.push_back(event.worker + ": " + event.detail);
    }
    return details;
  }

  void SubmitGpuJobs(int count) {
    SubmitCommand command;
    command.dag.run = "small";
    command.recipe = "run: small\n";
    for (int i = 0; i < count; ++i) {
      recipe::JobNode node;
      node.name = "train:" + std::to_string(i);
      node.kind = "train";
      node.device = Device::kCuda;
      command.dag.jobs.push_back(node);
    }
    EXPECT_TRUE(Do([&](Transaction& tx) { return Submit(command, tx).status(); }).ok());
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::unique_ptr<catalog::Catalog> store_ =
      catalog::Catalog::Open({folder_.path() + "/braid.db", 0}).value();
  SimulatedClock clock_;
  std::unique_ptr<Core> core_;
  std::map<std::string, int64_t> sessions_;
};

TEST_F(GpusTest, AGpuIsOfTheWorkerThatAnnouncedItFirst) {
  Connect("w1", {"GPU-1", "GPU-2"});
  const auto second = Connect("w2", {"GPU-2", "GPU-3", "GPU-3"});
  EXPECT_THAT(GpusOf("w1"), ElementsAre("GPU-1", "GPU-2"));
  EXPECT_THAT(GpusOf("w2"), ElementsAre("GPU-3")) << "once, whatever it says";
  ASSERT_NE(second->newest, nullptr);
  ASSERT_THAT(second->newest->refused_gpus, SizeIs(1)) << "it must know which it cannot use";
  EXPECT_EQ(second->newest->refused_gpus[0].gpu.id, "GPU-2");
  EXPECT_EQ(second->newest->refused_gpus[0].reason,
            "GPU GPU-2 (H100) is not used by worker w2: worker w1 of this host has announced it; "
            "say with --gpus which of the two is to have it");
  EXPECT_THAT(Events("worker.gpu_refused"),
              ElementsAre(HasSubstr("w2: GPU GPU-2 (H100) is not used by worker w2")));
}

TEST_F(GpusTest, ContainersOfOneMachineHaveOtherHostNames) {
  Connect("w1", {"GPU-1"}, "container-a");
  const auto second = Connect("w2", {"GPU-1"}, "container-b");
  EXPECT_THAT(GpusOf("w2"), IsEmpty());
  EXPECT_THAT(second->newest->refused_gpus.at(0).reason,
              HasSubstr("worker w1 (container-a) has announced it"));
}

TEST_F(GpusTest, TwoJobsNeverGetOneGpu) {
  const auto first = Connect("w1", {"GPU-1", "GPU-2"});
  const auto second = Connect("w2", {"GPU-1", "GPU-2"});
  SubmitGpuJobs(3);
  EXPECT_THAT(first->newest->ranks, SizeIs(2));
  EXPECT_THAT(second->newest->ranks, IsEmpty());
}

TEST_F(GpusTest, TheSameWorkerKeepsItsOwnWhenItConnectsAgain) {
  Connect("w1", {"GPU-1"});
  Connect("w2", {"GPU-1"});
  Disconnect("w1");
  Beat("w2");
  EXPECT_THAT(GpusOf("w2"), IsEmpty()) << "it may be back in a moment";
  Connect("w1", {"GPU-1"});
  EXPECT_THAT(GpusOf("w1"), ElementsAre("GPU-1"));
  EXPECT_THAT(GpusOf("w2"), IsEmpty());
  EXPECT_THAT(Events("worker.gpu_refused"), SizeIs(1)) << "said once";
}

TEST_F(GpusTest, WhatALostWorkerHadGoesToTheNext) {
  Connect("w1", {"GPU-1", "GPU-2"});
  const auto second = Connect("w2", {"GPU-1", "GPU-2"});
  Disconnect("w1");
  for (int i = 0; i < 200 && GpusOf("w2").empty(); ++i) {
    clock_.Advance(5'000);
    Beat("w2");
  }
  EXPECT_THAT(GpusOf("w2"), ElementsAre("GPU-1", "GPU-2"));
  EXPECT_THAT(second->newest->refused_gpus, IsEmpty());
  const auto back = Connect("w1", {"GPU-1", "GPU-2"});
  EXPECT_THAT(GpusOf("w1"), IsEmpty()) << "now they are the other's";
  EXPECT_THAT(back->newest->refused_gpus, SizeIs(2));
}

// The end of a gang is seen among the attempts, after all workers were looked at.
TEST_F(GpusTest, WhatTheLastLeaseKeptGoesToTheNextInTheSameStep) {
  Connect("w1", {"GPU-1"});
  const auto second = Connect("w2", {});
  SubmitCommand command;
  command.dag.run = "gang";
  command.recipe = "run: gang\n";
  recipe::JobNode node;
  node.name = "train";
  node.kind = "train";
  node.ranks = 2;
  command.dag.jobs.push_back(node);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Submit(command, tx).status(); }).ok());
  ASSERT_THAT(second->newest->ranks, SizeIs(1));
  Connect("w3", {"GPU-1"});
  const auto beat = [&](bool runs) {
    SignalCommand signal;
    signal.worker = "w2";
    signal.session_id = sessions_["w2"];
    signal.applied_version = second->newest->version;
    if (runs) signal.ranks.push_back({second->newest->ranks.at(0).key, std::nullopt});
    EXPECT_TRUE(Do([&](Transaction& tx) { return Signal(signal, tx); }).ok());
  };
  Disconnect("w1");
  const auto lost = [&] { return core_->state().workers.at("w1").link == scheduler::Link::kLost; };
  for (int i = 0; i < 200 && !lost(); ++i) {
    clock_.Advance(5'000);
    Beat("w3");
    beat(/*runs=*/true);
  }
  ASSERT_TRUE(lost());
  ASSERT_TRUE(second->newest->ranks.at(0).stop);
  EXPECT_THAT(GpusOf("w3"), IsEmpty()) << "the gang has not ended";
  beat(/*runs=*/false);
  EXPECT_TRUE(Ended(core_->state().FindAttempt({"r-1", "train", 1})->state));
  EXPECT_THAT(GpusOf("w3"), ElementsAre("GPU-1"));
}

TEST_F(GpusTest, ALeaseKeepsTheGpuOverARestartOfTheCoordinator) {
  Connect("w1", {"GPU-1"});
  SubmitGpuJobs(1);
  Restart();
  const auto second = Connect("w2", {"GPU-1"});
  EXPECT_THAT(GpusOf("w2"), IsEmpty()) << "its program may still run";
  EXPECT_THAT(second->newest->refused_gpus, SizeIs(1));
  Connect("w1", {"GPU-1"});
  EXPECT_THAT(GpusOf("w1"), ElementsAre("GPU-1"));
}

TEST_F(GpusTest, AMachineThatCannotIsLeftOutAndTheJobGoesElsewhere) {
  const auto first = Connect("w1", {"GPU-1"});
  SubmitGpuJobs(1);
  ASSERT_THAT(first->newest->ranks, SizeIs(1));
  EndedCommand ended;
  ended.rank = first->newest->ranks[0].key;
  ended.worker = "w1";
  ended.failure = {"infra", "device cuda: no GPU is visible to this process", "",
                   /*deterministic=*/true};
  const auto second = Connect("w2", {"GPU-2"});
  Disconnect("w2");  // registered, and away for now
  EXPECT_TRUE(Do([&](Transaction& tx) { return ReportEnded(ended, tx); }).ok());
  clock_.Advance(5'000);
  Beat("w1");
  EXPECT_THAT(first->newest->ranks, IsEmpty()) << "it waits for the other worker";
  const auto again = Connect("w2", {"GPU-2"});
  clock_.Advance(5'000);
  Beat("w2");
  EXPECT_THAT(again->newest->ranks, SizeIs(1));
}

}  // namespace
}  // namespace braid::coordinator
