#include "trace/context.h"

#include <gmock/gmock.h>

namespace braid::trace {
namespace {

// The example of the specification,
// https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers
constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kParent[] = "00f067aa0ba902b7";
constexpr char kExample[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContextTest, ReadsAndWritesTheExampleOfTheSpecification) {
  const auto read = ParseTraceparent(kExample);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, (Context{kTrace, kParent, true}));
  EXPECT_EQ(Traceparent(*read), kExample);
  const auto unsampled = ParseTraceparent(
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
  ASSERT_TRUE(unsampled.has_value());
  EXPECT_FALSE(unsampled->sampled);
  EXPECT_EQ(Traceparent({}), "");
}

TEST(TraceContextTest, OfTheFlagsOnlyTheLastBitIsKnown) {
  const std::string base = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";
  EXPECT_TRUE(ParseTraceparent(base + "03")->sampled);
  EXPECT_TRUE(ParseTraceparent(base + "ff")->sampled);
  EXPECT_FALSE(ParseTraceparent(base + "02")->sampled);
}

TEST(TraceContextTest, AVersionOfTheFutureIsReadAsFarAsItIsKnown) {
  EXPECT_TRUE(
      ParseTraceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes"));
  EXPECT_TRUE(ParseTraceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_FALSE(ParseTraceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x"));
}

TEST(TraceContextTest, AnythingElseIsNone) {
  for (const std::string wrong : {
           "",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz",
       })
    EXPECT_FALSE(ParseTraceparent(wrong).has_value()) << wrong;
}

TEST(TraceContextTest, DrawnIdsAreIdsAndDiffer) {
  const Context drawn{RandomTraceId(), RandomSpanId(), true};
  EXPECT_EQ(ParseTraceparent(Traceparent(drawn)), drawn);
  EXPECT_NE(RandomTraceId(), drawn.trace_id);
  EXPECT_NE(RandomSpanId(), drawn.span_id);
}

// The ids are a promise to spans that are stored already: those of another version, and those of
// processes that were restarted, must be the same. SHA-256 of "trace run r-1" and so on.
TEST(TraceContextTest, IdsFollowFromNames) {
  EXPECT_EQ(TraceIdOf("run r-1"), "0eeeb660ff022ecbd11223d0b7074041");
  EXPECT_EQ(SpanIdOf("run r-1"), "3ed41cafc9c06651");
  const Context parent{kTrace, kParent, true};
  const Context child = ChildOf(parent, "job a");
  EXPECT_EQ(child, (Context{kTrace, "995cb0d009bfd8f2", true}));
  EXPECT_NE(ChildOf(parent, "job b").span_id, child.span_id);
  EXPECT_NE(ChildOf(child, "job a").span_id, child.span_id);
  EXPECT_FALSE(ChildOf({kTrace, kParent, false}, "job a").sampled);
  EXPECT_FALSE(ChildOf({}, "job a").valid());
}

}  // namespace
}  // namespace braid::trace
