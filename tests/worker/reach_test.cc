// Whom a worker tries to reach, when, and what it tells of it.
#include "worker/agent/reach.h"

#include <gmock/gmock.h>

#include "tests/worker/agent_driver.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Peer PeerOf(const std::string& worker, int64_t asked = 0) {
  return {worker, worker + "-boot", "10.0.0.7", 4000, "a secret", asked};
}

PeerReach Reached(const std::string& worker, int64_t asked = 0) {
  return {worker, worker + "-boot", asked, true, ""};
}

PeerReach Missed(const std::string& worker, const std::string& why) {
  return {worker, worker + "-boot", 0, false, why};
}

class ReachTest : public ::testing::Test {
 protected:
  ReachTest() {
    agent_.Connect();
    EXPECT_THAT(agent_.TakeSignals().at(0).reach.value(), IsEmpty());
  }

  void Name(const std::vector<Peer>& peers) {
    DesiredState desired;
    desired.version = ++version_;
    desired.peers = peers;
    agent_.Feed(DesiredArrived{agent_.session(), desired});
  }

  // What the worker has said newly; empty if it has said nothing about peers.
  std::vector<PeerReach> Told() {
    agent_.Pass(100);
    std::vector<PeerReach> told;
    for (const Signal& signal : agent_.TakeSignals()) {
      if (signal.reach.has_value()) told = *signal.reach;
    }
    return told;
  }

  AgentDriver agent_;
  int64_t version_ = 0;
};

TEST_F(ReachTest, APeerIsTriedAtOnceAndTheResultToldAtOnce) {
  Name({PeerOf("w2"), PeerOf("w3")});
  EXPECT_THAT(agent_.Open<ProbePeer>(), SizeIs(2));
  EXPECT_EQ(agent_.Answer<ProbePeer>().peer, PeerOf("w2"));
  agent_.Answer<ProbePeer>(Unavailable("10.0.0.7 port 4000: Connection refused"));
  EXPECT_THAT(Told(),
              ElementsAre(Reached("w2"), Missed("w3", "10.0.0.7 port 4000: Connection refused")));
}

TEST_F(ReachTest, AFewAreTriedAtATime) {
  std::vector<Peer> peers;
  for (int i = 0; i < 9; ++i) peers.push_back(PeerOf("w" + std::to_string(i)));
  Name(peers);
  EXPECT_THAT(agent_.Open<ProbePeer>(), SizeIs(4));
  for (int i = 0; i < 9; ++i) agent_.Answer<ProbePeer>();
  EXPECT_THAT(agent_.Open<ProbePeer>(), IsEmpty());
  EXPECT_THAT(Told(), SizeIs(9));
}

TEST_F(ReachTest, APeerIsTriedAgainRarelyAndOneLostTryIsNoNews) {
  Name({PeerOf("w2")});
  agent_.Answer<ProbePeer>();
  EXPECT_THAT(Told(), ElementsAre(Reached("w2")));
  agent_.Pass(29'000);
  EXPECT_THAT(agent_.Open<ProbePeer>(), IsEmpty());
  agent_.Pass(1'000);
  agent_.Answer<ProbePeer>(Unavailable("lost"));
  EXPECT_THAT(Told(), IsEmpty());
  agent_.Pass(2'000);
  agent_.Answer<ProbePeer>(Unavailable("lost"));
  EXPECT_THAT(Told(), ElementsAre(Missed("w2", "lost")));
  agent_.Pass(4'000);
  agent_.Answer<ProbePeer>();
  EXPECT_THAT(Told(), ElementsAre(Reached("w2")));
}

TEST_F(ReachTest, APeerThatIsNotReachedIsTriedEverMoreRarely) {
  Name({PeerOf("w2")});
  std::vector<int64_t> pauses;
  for (int i = 0; i < 8; ++i) {
    agent_.Answer<ProbePeer>(Unavailable("no route"));
    const int64_t ended_ms = agent_.now_ms();
    while (agent_.Open<ProbePeer>().empty()) agent_.Pass(1'000);
    pauses.push_back((agent_.now_ms() - ended_ms) / 1'000);
  }
  EXPECT_THAT(pauses, ElementsAre(2, 4, 8, 16, 32, 60, 60, 60));
}

TEST_F(ReachTest, WhoIsAskedAgainTriesAtOnceAndForgetsWhatItKnew) {
  Name({PeerOf("w2")});
  agent_.Answer<ProbePeer>();
  EXPECT_THAT(Told(), ElementsAre(Reached("w2")));
  Name({PeerOf("w2", /*asked=*/5)});
  ASSERT_THAT(agent_.Open<ProbePeer>(), SizeIs(1));
  agent_.Answer<ProbePeer>();
  EXPECT_THAT(Told(), ElementsAre(Reached("w2", 5)));
  Name({PeerOf("w2", 5)});
  EXPECT_THAT(agent_.Open<ProbePeer>(), IsEmpty()) << "nothing new was asked";
}

TEST_F(ReachTest, WhoIsNamedNoMoreIsForgottenAndNotTried) {
  Name({PeerOf("w2"), PeerOf("w3")});
  agent_.Answer<ProbePeer>();
  EXPECT_THAT(Told(), ElementsAre(Reached("w2")));
  Name({});
  agent_.Answer<ProbePeer>();  // of w3, too late
  EXPECT_THAT(Told(), IsEmpty());
  agent_.Pass(300'000);
  EXPECT_THAT(agent_.Open<ProbePeer>(), IsEmpty());
  EXPECT_TRUE(agent_.idle());
  Name({PeerOf("w2")});
  EXPECT_THAT(agent_.Open<ProbePeer>(), SizeIs(1));
}

TEST_F(ReachTest, ANewSessionIsToldEverything) {
  Name({PeerOf("w2")});
  agent_.Answer<ProbePeer>();
  EXPECT_THAT(Told(), ElementsAre(Reached("w2")));
  agent_.Feed(SessionClosed{agent_.session(), Unavailable("restarted")});
  agent_.Connect();
  EXPECT_THAT(Told(), ElementsAre(Reached("w2")));
}

}  // namespace
}  // namespace braid::worker
