#include "scheduler/lease.h"

#include <gtest/gtest.h>

namespace braid::scheduler {
namespace {

constexpr LeaseOptions kOptions{.heartbeat_interval_ms = 2000,
                                .ttl_ms = 15'000,
                                .disconnect_grace_ms = 900'000,
                                .local_grace_ms = 1000,
                                .recovery_ms = 60'000};

WorkerContact Heard(int64_t at_ms, bool session = true, bool local = true) {
  return {.session = session,
          .contacted = true,
          .holds_leases = true,
          .local_site = local,
          .last_contact_ms = at_ms};
}

TEST(LeaseTest, AWorkerIsReadyUntilItsTtlIsOver) {
  EXPECT_EQ(LinkOf(Heard(100'000), 115'000, 0, kOptions), Link::kReady);
  EXPECT_EQ(LinkOf(Heard(100'000), 115'001, 0, kOptions), Link::kDisconnected);
}

TEST(LeaseTest, AWorkerOfTheSameSiteIsLostSoonOneFarAwayKeepsItsLeases) {
  EXPECT_EQ(LinkOf(Heard(100'000, false), 116'000, 0, kOptions), Link::kDisconnected);
  EXPECT_EQ(LinkOf(Heard(100'000, false), 116'001, 0, kOptions), Link::kLost);
  EXPECT_EQ(LinkOf(Heard(100'000, false, false), 116'001, 0, kOptions), Link::kDisconnected);
  EXPECT_EQ(LinkOf(Heard(100'000, false, false), 1'015'000, 0, kOptions), Link::kDisconnected);
  EXPECT_EQ(LinkOf(Heard(100'000, false, false), 1'015'001, 0, kOptions), Link::kLost);
}

TEST(LeaseTest, NothingExpiresRightAfterTheCoordinatorsStart) {
  const WorkerContact leased{.session = false,
                             .contacted = false,
                             .holds_leases = true,
                             .local_site = true,
                             .last_contact_ms = 0};
  EXPECT_EQ(LinkOf(leased, 1'059'999, 1'000'000, kOptions), Link::kDisconnected);
  EXPECT_EQ(LinkOf(leased, 1'060'000, 1'000'000, kOptions), Link::kLost);
}

TEST(LeaseTest, AWorkerNeverHeardOfIsOffline) {
  EXPECT_EQ(LinkOf({}, 1'000'000, 0, kOptions), Link::kOffline);
}

TEST(BackoffTest, DoublesFromTwoSecondsToFiveMinutes) {
  EXPECT_EQ(BackoffMs(1, 0.99), 0);
  EXPECT_EQ(BackoffMs(2, 0.5), 1000);
  EXPECT_EQ(BackoffMs(3, 0.5), 2000);
  EXPECT_EQ(BackoffMs(50, 0.5), 150'000);
  EXPECT_EQ(BackoffMs(5, 0.0), 0);
}

}  // namespace
}  // namespace braid::scheduler
