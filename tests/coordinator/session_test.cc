// A worker's session with the core, without a stream: the loop is turned by hand.
#include "coordinator/sessions/session.h"

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;

class SessionTest : public CoreTest {
 protected:
  static WorkerMessage HelloOf(const std::string& worker, const std::string& boot) {
    WorkerMessage message;
    message.hello.emplace();
    message.hello->id = worker;
    message.hello->boot_id = boot;
    message.hello->instance = "the folder of " + worker;
    message.hello->site = "local";
    message.hello->cpu_slots = 1;
    return message;
  }

  // What the worker of `session` is told of its message.
  Status Take(Session& session, WorkerMessage message) {
    Status answer = Internal("not answered");
    session.Take(std::move(message), [&](Status status) { answer = std::move(status); });
    Turn();
    return answer;
  }
};

TEST_F(SessionTest, AWorkerThatIsNotIntroducedHearsWhatIsMissing) {
  Session session(core_.get(), [] {});
  Status answer;
  session.Take(WorkerMessage(), [&](Status status) { answer = std::move(status); });
  EXPECT_EQ(answer.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(answer.message(), "the first message of a session must be a hello");
}

TEST_F(SessionTest, EveryMessageIsAnsweredAndARefusedHelloIsNot) {
  int due = 0;
  Session session(core_.get(), [&] { ++due; });
  EXPECT_TRUE(Take(session, HelloOf("w1", "boot-1")).ok());
  EXPECT_GT(due, 0);
  EXPECT_FALSE(session.TakeDue()->unchanged);
  EXPECT_FALSE(session.TakeDue().has_value());
  EXPECT_TRUE(Take(session, WorkerMessage()).ok());
  EXPECT_TRUE(session.TakeDue()->unchanged);

  Session wrong(core_.get(), [] {});
  EXPECT_EQ(Take(wrong, HelloOf("", "boot-1")).code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(wrong.TakeDue().has_value());
}

// The inventory that comes with a hello is known with it: what the worker still runs is not lost.
TEST_F(SessionTest, AWorkerThatComesBackKeepsWhatItSaysItRuns) {
  SubmitJobs({Node("tokenizer", "tokenizer")});
  Session first(core_.get(), [] {});
  ASSERT_TRUE(Take(first, HelloOf("w1", "boot-1")).ok());
  Turn();
  auto desired = first.TakeDue()->desired;
  ASSERT_EQ(desired->ranks.size(), 1u);
  const RankKey rank = desired->ranks[0].key;
  WorkerMessage running;
  running.signal.ranks = {{rank, std::nullopt}};
  running.signal.applied_version = desired->version;
  ASSERT_TRUE(Take(first, running).ok());
  first.Close();
  Turn();

  Session second(core_.get(), [] {});
  WorkerMessage again = HelloOf("w1", "boot-1");
  again.signal = running.signal;
  ASSERT_TRUE(Take(second, again).ok());
  Turn();
  EXPECT_TRUE(core_->state().live().contains(rank.attempt()));
  EXPECT_EQ(second.TakeDue()->desired->ranks.size(), 1u);
}

TEST_F(SessionTest, ASessionThatIsReplacedIsWokenToSayWhy) {
  int due = 0;
  Session elder(core_.get(), [&] { ++due; });
  ASSERT_TRUE(Take(elder, HelloOf("w1", "boot-1")).ok());
  ASSERT_TRUE(elder.status().ok());
  const int before = due;
  Session newer(core_.get(), [] {});
  ASSERT_TRUE(Take(newer, HelloOf("w1", "boot-2")).ok());
  EXPECT_GT(due, before);
  EXPECT_EQ(elder.status().reason(), "WORKER_REPLACED");
  EXPECT_THAT(elder.status().message(), HasSubstr("worker id w1 was taken over"));
  EXPECT_FALSE(elder.TakeDue().has_value());
  EXPECT_EQ(Take(elder, WorkerMessage()).reason(), "WORKER_REPLACED");
  // Its end does not end the newer one.
  elder.Close();
  Turn();
  EXPECT_TRUE(Take(newer, WorkerMessage()).ok());
  EXPECT_NE(core_->state().workers.at("w1").session, nullptr);
}

TEST_F(SessionTest, ASessionThatIsClosedIsGoneForTheCore) {
  Session session(core_.get(), [] {});
  ASSERT_TRUE(Take(session, HelloOf("w1", "boot-1")).ok());
  session.Close();
  Turn();
  EXPECT_EQ(core_->state().workers.at("w1").session, nullptr);
  Session never(core_.get(), [] {});
  never.Close();
  Turn();
}

}  // namespace
}  // namespace braid::coordinator
