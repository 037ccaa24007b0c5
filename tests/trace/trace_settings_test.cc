#include <gmock/gmock.h>

#include "trace/post.h"
#include "trace/settings.h"

namespace braid::trace {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

Settings SettingsOf(const std::map<std::string, std::string>& variables) {
  return ReadSettings(
      [&](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
      },
      "braid-worker", {{"host.name", "h"}});
}

TEST(TraceSettingsTest, WithoutAnAddressNothingIsSent) {
  EXPECT_EQ(SettingsOf({}).url, "");
  EXPECT_THAT(SettingsOf({{"OTEL_SERVICE_NAME", "x"}}).warnings, IsEmpty());
}

TEST(TraceSettingsTest, TheAddressOfAllSignalsGetsThePathOfTraces) {
  EXPECT_EQ(SettingsOf({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"}}).url,
            "http://c:4318/v1/traces");
  EXPECT_EQ(SettingsOf({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://c/otlp/"}}).url,
            "https://c/otlp/v1/traces");
  EXPECT_EQ(SettingsOf({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"},
                        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://d/x"}})
                .url,
            "http://d/x")
      << "that of traces is taken as it is";
}

TEST(TraceSettingsTest, WhatSwitchesTracesOff) {
  const std::pair<std::string, std::string> address{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"};
  EXPECT_EQ(SettingsOf({address, {"OTEL_SDK_DISABLED", "True"}}).url, "");
  EXPECT_NE(SettingsOf({address, {"OTEL_SDK_DISABLED", "1"}}).url, "") << "only true is true there";
  EXPECT_EQ(SettingsOf({address, {"OTEL_TRACES_EXPORTER", "none"}}).url, "");
  EXPECT_NE(SettingsOf({address, {"OTEL_TRACES_EXPORTER", "otlp"}}).url, "");
}

TEST(TraceSettingsTest, HeadersAndAttributesArePairs) {
  const Settings settings = SettingsOf(
      {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"},
       {"OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20YQ==, b = 2"},
       {"OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=lab,x=a%2Cb"},
       {"OTEL_SERVICE_NAME", "mine"}});
  EXPECT_THAT(settings.headers, ElementsAre(Pair("authorization", "Basic YQ=="), Pair("b", "2")));
  EXPECT_THAT(settings.resource,
              ElementsAre(Pair("deployment.environment", "lab"), Pair("host.name", "h"),
                          Pair("service.name", "mine"), Pair("x", "a,b")));
  EXPECT_THAT(settings.warnings, IsEmpty());
  EXPECT_EQ(SettingsOf({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"}}).resource.at("service.name"),
            "braid-worker");
}

TEST(TraceSettingsTest, NumbersOfBatches) {
  const Settings settings = SettingsOf({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"},
                                        {"OTEL_EXPORTER_OTLP_TIMEOUT", "300"},
                                        {"OTEL_BSP_SCHEDULE_DELAY", "50"},
                                        {"OTEL_BSP_MAX_QUEUE_SIZE", "10"},
                                        {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"}});
  EXPECT_EQ(settings.timeout_ms, 300);
  EXPECT_EQ(settings.delay_ms, 50);
  EXPECT_EQ(settings.queue, 10u);
  EXPECT_EQ(settings.batch, 10u) << "no batch is larger than what may wait";
  EXPECT_EQ(settings.ca_file, "/ca.pem");
}

TEST(TraceSettingsTest, WhatMakesNoSenseIsAWarningThatShowsNoSecret) {
  const auto warning = [](std::map<std::string, std::string> variables) {
    variables.emplace("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c");
    const Settings settings = SettingsOf(variables);
    return settings.warnings.empty() ? "" : settings.warnings[0];
  };
  EXPECT_THAT(warning({{"OTEL_EXPORTER_OTLP_ENDPOINT", "c:4318"}}),
              HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT=c:4318: it must begin with http://"));
  EXPECT_THAT(warning({{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}),
              AllOf(HasSubstr("braid sends traces over HTTP"), HasSubstr("4318")));
  EXPECT_THAT(warning({{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}}), IsEmpty());
  EXPECT_THAT(warning({{"OTEL_TRACES_EXPORTER", "zipkin"}}),
              HasSubstr("OTEL_TRACES_EXPORTER=zipkin: braid knows otlp and none"));
  EXPECT_THAT(warning({{"OTEL_TRACES_SAMPLER", "x"}}),
              AllOf(HasSubstr("OTEL_TRACES_SAMPLER=x"), HasSubstr("all traces are recorded")));
  EXPECT_THAT(warning({{"OTEL_BSP_SCHEDULE_DELAY", "soon"}}),
              HasSubstr("OTEL_BSP_SCHEDULE_DELAY=soon: it must be a whole number"));
  EXPECT_THAT(warning({{"OTEL_EXPORTER_OTLP_HEADERS", "s3cret"}}),
              AllOf(HasSubstr("an entry is not key=value"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(warning({{"OTEL_EXPORTER_OTLP_HEADERS", "key=s3cret%0d%0ax: y"}}),
              AllOf(HasSubstr("the value of key has a line break"), Not(HasSubstr("s3cret"))));
}

TEST(TraceSettingsTest, AnAddressIsShownWithoutWhatMayBeSecretInIt) {
  EXPECT_EQ(ShownUrl("https://ada:s3cret@c:4318/v1/traces?key=s3cret"), "https://c:4318/v1/traces");
  EXPECT_EQ(ShownUrl("http://c:4318/v1/traces"), "http://c:4318/v1/traces");
}

}  // namespace
}  // namespace braid::trace
