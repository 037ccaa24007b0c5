// What a session sends, without a stream and without a thread.
#include "coordinator/sessions/mailbox.h"

#include <gmock/gmock.h>

#include "coordinator/services/convert.h"

namespace braid::coordinator {
namespace {

std::shared_ptr<const Desired> StateOf(int64_t version, int ranks, size_t spec_bytes = 10) {
  auto desired = std::make_shared<Desired>();
  desired->version = version;
  for (int i = 0; i < ranks; ++i) {
    Assignment assignment;
    assignment.key = {{"r-1", "path_" + std::to_string(i), 1}, 0};
    assignment.kind = "train";
    assignment.spec = std::string(spec_bytes, 'x');
    desired->ranks.push_back(assignment);
  }
  return desired;
}

TEST(MailboxTest, NothingIsSentBeforeThereIsAState) {
  Mailbox mailbox;
  EXPECT_FALSE(mailbox.Take().has_value());
  mailbox.AnswerDue();
  EXPECT_FALSE(mailbox.Take().has_value());
}

TEST(MailboxTest, AStateIsSentOnceAndThenItsVersionAlone) {
  Mailbox mailbox;
  mailbox.Push(StateOf(7, 1));
  const auto first = mailbox.Take();
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(first->unchanged);
  EXPECT_FALSE(mailbox.Take().has_value()) << "nobody asked again";
  mailbox.AnswerDue();
  const auto second = mailbox.Take();
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(second->unchanged);
  EXPECT_EQ(second->desired->version, 7);
  mailbox.Push(StateOf(8, 0));
  mailbox.AnswerDue();
  const auto third = mailbox.Take();
  ASSERT_TRUE(third.has_value());
  EXPECT_FALSE(third->unchanged);
  EXPECT_EQ(third->desired->version, 8);
}

// Whoever has sent a message asks it whether there is another one.
TEST(MailboxTest, SomethingIsDueExactlyIfItCanBeTaken) {
  Mailbox mailbox;
  mailbox.AnswerDue();
  EXPECT_FALSE(mailbox.IsDue()) << "there is no state yet";
  mailbox.Push(StateOf(7, 1));
  EXPECT_TRUE(mailbox.IsDue());
  (void)mailbox.Take();
  EXPECT_FALSE(mailbox.IsDue());
  mailbox.AnswerDue();
  EXPECT_TRUE(mailbox.IsDue());
  mailbox.Replaced("another one");
  EXPECT_FALSE(mailbox.IsDue());
  EXPECT_FALSE(mailbox.Take().has_value());
}

TEST(MailboxTest, OnlyTheNewestStateIsSent) {
  Mailbox mailbox;
  mailbox.Push(StateOf(1, 1));
  mailbox.Push(StateOf(2, 1));
  EXPECT_EQ(mailbox.Take()->desired->version, 2);
  EXPECT_FALSE(mailbox.Take().has_value());
}

TEST(MailboxTest, AfterTheEndNothingIsSentAndTheFirstReasonStays) {
  Mailbox mailbox;
  mailbox.Push(StateOf(1, 1));
  mailbox.Replaced("taken over");
  mailbox.Replaced("taken over again");
  EXPECT_FALSE(mailbox.Take().has_value());
  EXPECT_EQ(mailbox.status().reason(), "WORKER_REPLACED");
  EXPECT_EQ(mailbox.status().message(), "taken over");
}

TEST(MailboxTest, WhoSendsIsWokenForEachThingToSend) {
  int due = 0;
  Mailbox mailbox([&] { ++due; });
  mailbox.AnswerDue();
  EXPECT_EQ(due, 0) << "there is no state to speak of";
  mailbox.Push(StateOf(1, 1));
  EXPECT_EQ(due, 1);
  mailbox.AnswerDue();
  EXPECT_EQ(due, 2);
  mailbox.Replaced("taken over");
  EXPECT_EQ(due, 3);
}

TEST(MailboxTest, AnAnswerToAHeartbeatCostsAFewBytesWhateverIsRunning) {
  Mailbox mailbox;
  mailbox.Push(StateOf(1'790'000'000'000, 16, 20'000));
  const scheduler::LeaseOptions lease;
  EXPECT_GT(DesiredMessage(*mailbox.Take(), "coordinator-1", lease).ByteSizeLong(), 16u * 20'000u);
  size_t bytes = 0;
  for (int beat = 0; beat < 100; ++beat) {
    mailbox.AnswerDue();
    bytes += DesiredMessage(*mailbox.Take(), "coordinator-1", lease).ByteSizeLong();
  }
  EXPECT_LE(bytes, 100u * 12u);
}

TEST(MailboxTest, AMessageWithAStateSaysHowOftenToBeHeard) {
  Mailbox mailbox;
  mailbox.Push(StateOf(3, 0));
  scheduler::LeaseOptions lease;
  lease.heartbeat_interval_ms = 1234;
  lease.isolation_timeout_ms = 5678;
  const v1::DesiredState state = DesiredMessage(*mailbox.Take(), "coordinator-1", lease);
  EXPECT_EQ(state.heartbeat_interval_ms(), 1234);
  EXPECT_EQ(state.isolation_timeout_ms(), 5678);
  EXPECT_EQ(state.coordinator_id(), "coordinator-1");
  EXPECT_FALSE(state.unchanged());
}

}  // namespace
}  // namespace braid::coordinator
