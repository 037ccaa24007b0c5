// How calls wait without a thread: wake-ups, alarms and turns.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "coordinator/waiting/alarms.h"
#include "coordinator/waiting/turn.h"
#include "coordinator/waiting/wakeups.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;

TEST(WakeupsTest, AllWhoWaitForATopicAreWokenUntilTheyDropIt) {
  Wakeups wakeups;
  int first = 0, second = 0, other = 0;
  auto one = wakeups.Subscribe("r-1", [&] { ++first; });
  const auto two = wakeups.Subscribe("r-1", [&] { ++second; });
  const auto three = wakeups.Subscribe("r-2", [&] { ++other; });
  wakeups.Notify("r-1");
  one.reset();
  wakeups.Notify("r-1");
  wakeups.Notify("r-3");
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 2);
  EXPECT_EQ(other, 0);
  EXPECT_EQ(wakeups.subscriptions(), 2u);
}

// Under a lock this would never return.
TEST(WakeupsTest, WhoIsWokenMaySubscribeAndDrop) {
  Wakeups wakeups;
  std::unique_ptr<Wakeups::Subscription> first, second;
  int woken = 0;
  first = wakeups.Subscribe("a", [&] {
    ++woken;
    first.reset();
    second = wakeups.Subscribe("a", [&] { woken += 10; });
  });
  wakeups.Notify("a");
  EXPECT_EQ(woken, 1) << "who subscribes while others are woken is not";
  wakeups.Notify("a");
  EXPECT_EQ(woken, 11);
}

TEST(AlarmsTest, TheyRingInOrderOnceAndNotBeforeTheirTime) {
  SimulatedClock clock;
  Alarms alarms(&clock);
  std::vector<int> rung;
  alarms.After(200, [&] { rung.push_back(200); });
  alarms.After(100, [&] { rung.push_back(100); });
  const Alarms::Id dropped = alarms.After(150, [&] { rung.push_back(150); });
  alarms.Cancel(dropped);
  alarms.Cancel(dropped + 100);
  clock.Advance(99);
  alarms.RingDue();
  EXPECT_THAT(rung, ElementsAre());
  clock.Advance(1);
  alarms.RingDue();
  alarms.RingDue();
  EXPECT_THAT(rung, ElementsAre(100));
  clock.Advance(1000);
  alarms.RingDue();
  EXPECT_THAT(rung, ElementsAre(100, 200));
}

TEST(AlarmsTest, WhatRingsMaySetTheNextAlarm) {
  SimulatedClock clock;
  Alarms alarms(&clock);
  int rung = 0;
  std::function<void()> again = [&] {
    ++rung;
    alarms.After(10, again);
  };
  alarms.After(10, again);
  for (int i = 0; i < 3; ++i) {
    clock.Advance(10);
    alarms.RingDue();
  }
  EXPECT_EQ(rung, 3);
}

TEST(AlarmsTest, AThreadRingsThemAndAfterTheStopNothingDoes) {
  Alarms alarms(&SystemClock());
  alarms.Start();
  Mutex mutex;
  CondVar changed;
  bool rung = false, late = false;
  alarms.After(3'600'000, [&] { late = true; });
  alarms.After(1, [&] {
    MutexLock lock(mutex);
    rung = true;
    changed.NotifyAll();
  });
  {
    MutexLock lock(mutex);
    while (!rung) changed.Wait(mutex);
  }
  alarms.Stop();
  alarms.After(0, [&] { late = true; });
  alarms.RingDue();
  EXPECT_FALSE(late);
}

TEST(TurnTest, WhoComesMeanwhileMakesOneMoreRound) {
  Turn turn;
  EXPECT_TRUE(turn.Enter());
  EXPECT_FALSE(turn.Enter());
  EXPECT_FALSE(turn.Enter());
  EXPECT_TRUE(turn.Leave()) << "one more round for both";
  EXPECT_FALSE(turn.Enter()) << "the turn is still taken";
  EXPECT_TRUE(turn.Leave());
  EXPECT_FALSE(turn.Leave());
  EXPECT_TRUE(turn.Enter());
}

// Many come at once: what each wants done is done after it came, by one at a time.
TEST(TurnTest, NobodyWorksBesideAnotherAndNothingIsMissed) {
  Turn turn;
  std::atomic<int> inside{0};
  std::atomic<int64_t> wanted{0}, seen{0};
  const auto come = [&] {
    for (int i = 0; i < 20'000; ++i) {
      ++wanted;
      if (!turn.Enter()) continue;
      do {
        EXPECT_EQ(++inside, 1);
        seen = wanted.load();
        --inside;
      } while (turn.Leave());
    }
  };
  std::thread other(come), third(come);
  come();
  other.join();
  third.join();
  EXPECT_EQ(seen, wanted);
}

}  // namespace
}  // namespace braid::coordinator
