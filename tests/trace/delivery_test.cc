#include "trace/delivery.h"

#include <gmock/gmock.h>

namespace braid::trace {
namespace {

// https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
TEST(DeliveryTest, OnlyWhatTheProtocolNamesIsTriedAgain) {
  for (const int status : {200, 202}) EXPECT_EQ(VerdictOf({status}), Verdict::kDelivered) << status;
  for (const int status : {0, 429, 502, 503, 504})
    EXPECT_EQ(VerdictOf({status}), Verdict::kFailed) << status;
  for (const int status : {301, 400, 401, 403, 404, 413, 500, 501})
    EXPECT_EQ(VerdictOf({status}), Verdict::kRefused) << status;
}

TEST(DeliveryTest, PausesGrowUpToALimitUnlessTheCollectorSaysHowLong) {
  EXPECT_EQ(PauseMs(1, {503}, 1), 1'000);
  EXPECT_EQ(PauseMs(1, {503}, 0), 500);
  EXPECT_EQ(PauseMs(2, {503}, 1), 2'000);
  EXPECT_EQ(PauseMs(5, {0}, 1), 16'000);
  EXPECT_EQ(PauseMs(6, {0}, 1), 30'000);
  EXPECT_EQ(PauseMs(1'000'000, {0}, 1), 30'000);
  EXPECT_EQ(PauseMs(3, {429, 7'000}, 0), 7'000);
  EXPECT_EQ(PauseMs(3, {429, 86'400'000}, 0), 600'000);
}

TEST(DeliveryTest, APartialSuccessIsRead) {
  const auto of = [](const std::string& text) { return RejectedBy({200, 0, text}); };
  EXPECT_EQ(of(R"({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}})").spans,
            3);
  EXPECT_EQ(of(R"({"partialSuccess": {"rejectedSpans": 2}})").spans, 2);
  EXPECT_EQ(of(R"({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}})").why,
            "too old");
  for (const std::string none :
       {"", "{}", "ok", "[1]", R"({"partialSuccess": 1})", R"({"partialSuccess": {}})",
        R"({"partialSuccess": {"rejectedSpans": "-4"}})",
        R"({"partialSuccess": {"rejectedSpans": "x", "errorMessage": 4}})"})
    EXPECT_EQ(of(none).spans, 0) << none;
}

}  // namespace
}  // namespace braid::trace
