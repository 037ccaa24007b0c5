#include "trace/sampler.h"

#include <gmock/gmock.h>

namespace braid::trace {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// 64 low bits of 0x8000..., half of all.
constexpr char kHalf[] = "ffffffffffffffff8000000000000000";
constexpr char kLow[] = "ffffffffffffffff0000000000000001";
constexpr char kHigh[] = "0000000000000000ffffffffffffffff";

Sampler SamplerOf(const std::string& name, const std::string& argument = "") {
  const auto sampler = ParseSampler(name, argument);
  EXPECT_TRUE(sampler.ok()) << sampler.status().ToString();
  return sampler.ok() ? *sampler : Sampler();
}

TEST(SamplerTest, WithoutAWordEverythingIsRecordedButWhatTheCallerDoesNotRecord) {
  for (const std::string name : {"", "parentbased_always_on"}) {
    const Sampler sampler = SamplerOf(name);
    EXPECT_TRUE(IsSampled(sampler, kHigh, std::nullopt)) << name;
    EXPECT_TRUE(IsSampled(sampler, kHigh, true)) << name;
    EXPECT_FALSE(IsSampled(sampler, kHigh, false)) << name;
  }
}

TEST(SamplerTest, TheOthersAsTheSpecificationSays) {
  EXPECT_TRUE(IsSampled(SamplerOf("always_on"), kHigh, false));
  EXPECT_FALSE(IsSampled(SamplerOf("always_off"), kLow, true));
  EXPECT_TRUE(IsSampled(SamplerOf("parentbased_always_off"), kLow, true));
  EXPECT_FALSE(IsSampled(SamplerOf("parentbased_always_off"), kLow, std::nullopt));
  EXPECT_TRUE(IsSampled(SamplerOf("parentbased_traceidratio", "0.1"), kHigh, true));
  EXPECT_FALSE(IsSampled(SamplerOf("traceidratio", "0.1"), kHigh, true));
}

// The ratio is compared as OpenTelemetry's Python SDK does it: the last 64 bits below ratio x 2^64.
TEST(SamplerTest, ARatioComparesTheLastBitsOfTheTrace) {
  const Sampler half = SamplerOf("traceidratio", "0.5");
  EXPECT_TRUE(IsSampled(half, kLow, std::nullopt));
  EXPECT_FALSE(IsSampled(half, kHalf, std::nullopt));
  EXPECT_TRUE(IsSampled(SamplerOf("traceidratio", "0.51"), kHalf, std::nullopt));
  EXPECT_TRUE(IsSampled(SamplerOf("traceidratio"), kHigh, std::nullopt))
      << "without an argument: all";
  EXPECT_FALSE(IsSampled(SamplerOf("traceidratio", "0"), kLow, std::nullopt));
}

TEST(SamplerTest, ErrorsSayWhatItMayBe) {
  EXPECT_THAT(ParseSampler("sometimes", "").status().message(),
              AllOf(HasSubstr("OTEL_TRACES_SAMPLER=sometimes"), HasSubstr("traceidratio")));
  for (const std::string wrong : {"2", "-0.5", "nan", "half"})
    EXPECT_THAT(
        ParseSampler("traceidratio", wrong).status().message(),
        HasSubstr("OTEL_TRACES_SAMPLER_ARG=" + wrong + ": it must be a number from 0 to 1"));
}

}  // namespace
}  // namespace braid::trace
