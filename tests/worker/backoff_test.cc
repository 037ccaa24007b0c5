#include "worker/agent/backoff.h"

#include <gtest/gtest.h>

namespace braid::worker {
namespace {

TEST(BackoffTest, DoublesUpToTheBoundWithJitter) {
  Backoff backoff(100, 1000);
  EXPECT_EQ(backoff.Next(0.0), 50);
  EXPECT_EQ(backoff.Next(0.0), 100);
  EXPECT_EQ(backoff.Next(0.5), 300);
  EXPECT_EQ(backoff.Next(0.0), 400);
  EXPECT_EQ(backoff.Next(0.0), 500);  // 1600 is bounded by 1000
  EXPECT_LE(backoff.Next(0.999), 1000);
  backoff.Reset();
  EXPECT_EQ(backoff.Next(0.0), 50);
}

}  // namespace
}  // namespace braid::worker
