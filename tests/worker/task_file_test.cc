// What a task program is told: its task file and its environment.
#include "worker/attempt/task_file.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "task/task.h"
#include "trace/context.h"
#include "worker/agent/rank_spans.h"
#include "worker/attempt/rank_folder.h"

namespace braid::worker {
namespace {

using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

class TaskFileTest : public ::testing::Test {
 protected:
  TaskFileTest() {
    context_.folder = folder_.path();
    context_.advertised = {"10.0.0.2", "eth0"};
    assignment_.key = {"r", "joint:both", 1, 1};
    assignment_.kind = "joint";
    assignment_.spec = "{}";
    assignment_.ranks = 2;
    unsetenv("NCCL_SOCKET_IFNAME");
  }

  Json Written() {
    EXPECT_TRUE(LayOutRank(context_, Owner(), assignment_).ok());
    return ReadJsonFile(JoinPath(RankFolder(context_.folder, assignment_.key), kTaskFile)).value();
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  ProgramContext context_;
  Assignment assignment_;
};

TEST_F(TaskFileTest, OnlyAProgramThatFetchesGetsKeysAndProxies) {
  setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  setenv("NETRC", "/etc/logins", 1);
  const auto keys = [this](const std::string& kind) {
    assignment_.kind = kind;
    const auto env = TaskProcess(context_, assignment_, {}).env;
    return env.contains("AWS_SECRET_ACCESS_KEY") && env.contains("NETRC");
  };
  assignment_.inputs["source"] = std::string(64, 'a');
  EXPECT_FALSE(keys("prepare"));
  const std::string input = ArtifactFolder(context_.folder, std::string(64, 'a'));
  ASSERT_TRUE(MakeFolder(input).ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(input, "braid_remote_files.json"), "{}").ok());
  EXPECT_TRUE(keys("prepare"));
  EXPECT_TRUE(keys("tokenizer"));
  EXPECT_FALSE(keys("train"));
  unsetenv("AWS_SECRET_ACCESS_KEY");
  unsetenv("NETRC");
}

TEST_F(TaskFileTest, RanksOfOneHostMeetOnItsLoopback) {
  EXPECT_FALSE(Written().contains("address"));
  EXPECT_THAT(TaskProcess(context_, assignment_, {}).env, Not(Contains(Key("NCCL_SOCKET_IFNAME"))));
}

TEST_F(TaskFileTest, AProgramKnowsItsSpanAndWhetherItsPartsAreWanted) {
  EXPECT_FALSE(Written().contains("traceparent"));
  assignment_.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  trace::Context span = SpanOfProgram(assignment_);
  span.sampled = false;
  EXPECT_EQ(Written().at("traceparent"), Traceparent(span)) << "nobody sends spans";
  context_.sends_spans = true;
  EXPECT_EQ(Written().at("traceparent"), Traceparent(SpanOfProgram(assignment_)));
  EXPECT_EQ(task::FromJson(Written()).value().traceparent, Traceparent(SpanOfProgram(assignment_)));
}

TEST_F(TaskFileTest, AProgramLogsInTheFormOfItsWorker) {
  EXPECT_EQ(TaskProcess(context_, assignment_, {}).env.at("BRAID_LOG_FORMAT"), "text");
  context_.log_format = LogFormat::kJson;
  EXPECT_EQ(TaskProcess(context_, assignment_, {}).env.at("BRAID_LOG_FORMAT"), "json");
}

TEST_F(TaskFileTest, RanksOfSeveralHostsListenWhereTheirWorkerAdvertises) {
  assignment_.across_hosts = true;
  const Json written = Written();
  EXPECT_EQ(written.at("address"), "10.0.0.2");
  EXPECT_EQ(task::FromJson(written).value().address, "10.0.0.2");
  EXPECT_THAT(TaskProcess(context_, assignment_, {}).env,
              Contains(Pair("NCCL_SOCKET_IFNAME", "=eth0")));
  setenv("NCCL_SOCKET_IFNAME", "ib0", 1);
  EXPECT_THAT(TaskProcess(context_, assignment_, {}).env,
              Contains(Pair("NCCL_SOCKET_IFNAME", "ib0")))
      << "the machine's owner knows better";
}

}  // namespace
}  // namespace braid::worker
