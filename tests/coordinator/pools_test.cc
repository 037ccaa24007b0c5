// What the coordinator tells the agents of pools, and what it takes from them.
#include "coordinator/api/pools.h"

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PoolsTest : public CoreTest {
 protected:
  std::vector<task::Demand> Demands() { return DemandsOf(core_->state()); }
  static recipe::JobNode GpuNode(const std::string& name) {
    recipe::JobNode node = Node(name, "train");
    node.device = Device::kCuda;
    return node;
  }
  PoolReport Report(const std::string& pool, const std::string& agent, const std::string& host) {
    PoolReport report;
    report.pool.name = pool;
    report.pool.host = host;
    report.pool.folder = "/home/ada/.braid/pools/" + pool;
    report.agent_id = agent;
    return report;
  }
  Status Take(const PoolReport& report) {
    return Do([&](Transaction& tx) { return table_.Take(report, tx); });
  }
  std::vector<std::string> Events() {
    std::vector<std::string> told;
    const std::vector<catalog::EventRecord> events = store_.ReadEvents({}).value();
    for (const catalog::EventRecord& event : events)
      told.push_back(event.kind + " " + event.detail);
    return told;
  }

  PoolTable table_;
};

TEST_F(PoolsTest, JobsThatDemandTheSameAreOneDemand) {
  const std::string run = SubmitJobs({Node("a", "train"), Node("b", "train"), Node("c", "merge")});
  const std::vector<task::Demand> demands = Demands();
  ASSERT_THAT(demands, SizeIs(2));
  const task::Demand& train = demands[demands[0].requirements.kind == "train" ? 0 : 1];
  EXPECT_EQ(train.jobs, 2);
  EXPECT_EQ(train.run, run);
  EXPECT_EQ(train.reason, "NO_MATCHING_WORKER");
}

TEST_F(PoolsTest, JobsThatRunOrWaitForOthersDemandNothing) {
  AddWorker("w1", 4);
  SubmitJobs({Node("a", "train"), Node("b", "merge", {{"parent.a", {"a", "model"}}})});
  EXPECT_THAT(Demands(), IsEmpty());
}

TEST_F(PoolsTest, WhatNoWorkerThatThereIsCouldRunIsDemandedOfAPool) {
  AddWorker("w1", 4);
  SubmitJobs({GpuNode("a")});
  ASSERT_THAT(Demands(), SizeIs(1));
  EXPECT_EQ(Demands()[0].requirements.device, Device::kCuda);
  EXPECT_EQ(Demands()[0].reason, "UNSCHEDULABLE");
}

// Workers of pools leave, and what must stay at a site would be lost with them.
TEST_F(PoolsTest, WhatMakesSomethingThatStaysIsNotDemandedOfAPool) {
  recipe::JobNode makes = Node("a", "merge"), reads = Node("b", "train");
  makes.site = reads.site = "lab";
  makes.binding = task::Binding::kOutputs;
  reads.binding = task::Binding::kInputs;
  SubmitJobs({makes, reads});
  ASSERT_THAT(Demands(), SizeIs(1));
  EXPECT_EQ(Demands()[0].requirements.kind, "train");
}

TEST_F(PoolsTest, AnEventIsWrittenOnce) {
  PoolReport report = Report("lab", "agent-1", "login");
  report.events = {{1, "asked", "job 7"}};
  ASSERT_TRUE(Take(report).ok());
  report.events = {{1, "asked", "job 7"}, {2, "ended", "job 7 has failed"}};
  ASSERT_TRUE(Take(report).ok());
  EXPECT_THAT(Events(), Contains(HasSubstr("job 7 has failed")).Times(1));
  EXPECT_THAT(Events(), Contains("pool.asked pool lab: job 7").Times(1));
  report.events = {{3, "shouted", ""}};
  EXPECT_THAT(Take(report).message(), HasSubstr("there is no event shouted"));
}

TEST_F(PoolsTest, APoolHasOneAgentUntilThatIsSilent) {
  ASSERT_TRUE(Take(Report("lab", "agent-1", "login")).ok());
  EXPECT_THAT(Take(Report("lab", "agent-2", "other")).message(),
              HasSubstr("pool lab is served on login"));
  clock_.Advance(30'000);
  EXPECT_TRUE(Take(Report("lab", "agent-2", "other")).ok());
  EXPECT_TRUE(Take(Report("lab", "agent-3", "other")).ok()) << "in one folder one is served";
  EXPECT_THAT(Take(Report("Lab!", "agent-1", "login")).message(),
              HasSubstr("is no name of a pool"));
}

}  // namespace
}  // namespace braid::coordinator
