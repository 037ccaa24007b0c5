#include "trace/otlp.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace braid::trace {
namespace {

// tests/system/traces_test.py decodes the same with OpenTelemetry's own messages.
TEST(OtlpTest, ASpanHasWhatTheProtocolSays) {
  Span span;
  span.name = "job";
  span.kind = SpanKind::kServer;
  span.context = {"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true};
  span.parent_id = "0102030405060708";
  span.begin_ns = 1'700'000'000'123'456'789;
  span.end_ns = 1'700'000'001'000'000'000;
  span.attributes = {{"a", std::string("text")}, {"b", int64_t{1} << 60}, {"c", 0.5}, {"d", true}};
  span.failed = true;
  span.error = "no room";
  const Json request = Json::parse(EncodeSpans({{"service.name", "x"}}, {span}));
  EXPECT_EQ(request["resourceSpans"][0]["resource"]["attributes"],
            Json::parse(R"([{"key": "service.name", "value": {"stringValue": "x"}}])"));
  const Json& scoped = request["resourceSpans"][0]["scopeSpans"][0];
  EXPECT_EQ(scoped["scope"]["name"], "braid");
  ASSERT_EQ(scoped["spans"].size(), 1u);
  EXPECT_EQ(scoped["spans"][0], Json::parse(R"({
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7",
    "parentSpanId": "0102030405060708", "flags": 1, "name": "job", "kind": 2,
    "startTimeUnixNano": "1700000000123456789", "endTimeUnixNano": "1700000001000000000",
    "attributes": [{"key": "a", "value": {"stringValue": "text"}},
                   {"key": "b", "value": {"intValue": "1152921504606846976"}},
                   {"key": "c", "value": {"doubleValue": 0.5}},
                   {"key": "d", "value": {"boolValue": true}}],
    "status": {"code": 2, "message": "no room"}})"));
}

TEST(OtlpTest, WhatIsNotThereIsLeftOut) {
  Span span;
  span.context = {"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true};
  span.begin_ns = 5;
  span.end_ns = 3;  // the clock was set back
  const Json request = Json::parse(EncodeSpans({}, {span, span}));
  const Json& spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"];
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_FALSE(spans[0].contains("parentSpanId"));
  EXPECT_FALSE(spans[0].contains("status"));
  EXPECT_EQ(spans[0]["endTimeUnixNano"], "5") << "no span ends before it begins";
}

TEST(OtlpTest, TextsOfAnyBytesAndLengthAreCarried) {
  Span span;
  span.context = {"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true};
  span.name = "\xff\xfe";
  span.attributes = {{"long", std::string(100'000, 'x')}};
  const std::string text = EncodeSpans({}, {span});
  EXPECT_LT(text.size(), 10'000u);
  EXPECT_TRUE(Json::accept(text));
}

}  // namespace
}  // namespace braid::trace
