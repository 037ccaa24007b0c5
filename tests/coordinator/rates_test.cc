// How often somebody may call, by a clock that is turned by hand.
#include "coordinator/access/rates.h"

#include <gtest/gtest.h>

#include "coordinator/api/refusals.h"
#include "rpc/rate_limited.h"

namespace braid::coordinator {
namespace {

TEST(RatesTest, TenSecondsWorthAtOnceAndThenTheAverage) {
  Rates rates;
  int64_t now_ms = 1'000'000;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(rates.Take("ada", 5, now_ms), 0) << i;
  EXPECT_EQ(rates.Take("ada", 5, now_ms), 200);
  EXPECT_EQ(rates.Take("eve", 5, now_ms), 0) << "everybody has a bucket of their own";
  EXPECT_EQ(rates.Take("ada", 5, now_ms + 150), 50);
  EXPECT_EQ(rates.Take("ada", 5, now_ms + 200), 0);
  EXPECT_EQ(rates.Take("ada", 5, now_ms + 200), 200);
  // A rest fills the bucket, and no further.
  now_ms += 3'600'000;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(rates.Take("ada", 5, now_ms), 0) << i;
  EXPECT_GT(rates.Take("ada", 5, now_ms), 0);
  EXPECT_EQ(rates.Take("ada", 0, now_ms), 0) << "no limit";
}

TEST(RatesTest, AnyNumberOfNamesIsRememberedForAsLongAsItMatters) {
  Rates rates;
  for (int i = 0; i < 25'000; ++i) EXPECT_EQ(rates.Take(std::to_string(i), 0.1, i * 1'000), 0);
  EXPECT_GT(rates.Take("24999", 0.1, 24'999'000), 0) << "it has called a moment ago";
}

// Names cost memory, and a flood of them must not free anybody from their limit.
TEST(RatesTest, OnlyThoseWhoMayCallAtWillAreForgotten) {
  Rates rates;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(rates.Take("eve", 5, 0), 0);
  for (int i = 0; i < 10'050; ++i) EXPECT_EQ(rates.Take(std::to_string(i), 5, 0), 0);
  EXPECT_GT(rates.Take("eve", 5, 0), 0);
  EXPECT_EQ(rates.remembered(), 10'051u) << "all of them have called a moment ago";
  EXPECT_EQ(rates.Take("ada", 5, 3'600'000), 0);
  EXPECT_EQ(rates.remembered(), 1u);
}

// Were each of them looked at for each new one, this would take minutes.
TEST(RatesTest, ANewNameCostsTheSameHoweverManyThereAre) {
  constexpr int kNames = 300'000;
  Rates rates;
  for (int i = 0; i < kNames; ++i) EXPECT_EQ(rates.Take(std::to_string(i), 5, i / 100), 0);
  EXPECT_EQ(rates.remembered(), static_cast<size_t>(kNames));
  // Who calls again is not forgotten with those who called before.
  for (int i = 0; i < 49; ++i) EXPECT_EQ(rates.Take("0", 5, 11'000), 0);
  EXPECT_EQ(rates.Take("ada", 5, 12'000), 0);
  EXPECT_EQ(rates.remembered(), static_cast<size_t>(kNames) - 200'099 + 1);
  EXPECT_EQ(rates.Take("0", 5, 12'000), 0) << "a second's worth";
}

TEST(RatesTest, TheErrorSaysWhenToComeBack) {
  const Status status = rpc::RateLimited("eve makes more than 5 calls a second", 120);
  EXPECT_EQ(status.message(), "eve makes more than 5 calls a second: try again in 120 ms");
  EXPECT_EQ(rpc::RetryAfterMs(status), 120);
  EXPECT_EQ(rpc::RetryAfterMs(rpc::RateLimited("x", 1'000'000'000)), 60'000);
  EXPECT_EQ(rpc::RetryAfterMs(Unavailable("x: try again in 5 ms")), 0);
  for (const char* text : {"", "too large", ": try again in ms", "x: try again in soon ms",
                           "x: try again in -5 ms", "x: try again in 5 ms."})
    EXPECT_EQ(rpc::RetryAfterMs(ResourceExhausted(text)), 0) << text;
}

TEST(RatesTest, RefusalsThatAreTooManyAreCounted) {
  Refusals refusals;
  int64_t written = 0;
  while (refusals.Take(1'000'000) == 0) ++written;
  EXPECT_EQ(written, 200);
  EXPECT_EQ(refusals.Take(1'000'000), -1);
  EXPECT_EQ(refusals.Take(1'000'100), 2) << "two were left out before it";
  EXPECT_EQ(refusals.Take(1'000'200), 0);
}

}  // namespace
}  // namespace braid::coordinator
