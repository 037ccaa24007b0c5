#include "trace/exporter.h"

#include <gmock/gmock.h>

#include <deque>

#include "base/json.h"

namespace braid::trace {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Span SomeSpan(const std::string& name) {
  Span span;
  span.name = name;
  span.context = {"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true};
  return span;
}

// A collector that answers as it is told, the last answer again and again; and what it was sent.
class Collector {
 public:
  explicit Collector(std::deque<Answer> answers) : answers_(std::move(answers)) {}

  Send sender() {
    return [this](const std::string& body, const std::function<bool()>& give_up) {
      MutexLock lock(mutex_);
      ++tries_;
      changed_.NotifyAll();
      // Slow until it is let go, or nobody waits for it any more.
      while (held_ && !give_up()) changed_.WaitFor(mutex_, 5);
      if (held_) return Answer{0, 0, "given up"};
      const Answer answer = answers_.front();
      if (answers_.size() > 1) answers_.pop_front();
      if (answer.status == 200) {
        const Json request = Json::parse(body);
        for (const Json& span : request["resourceSpans"][0]["scopeSpans"][0]["spans"])
          names_.push_back(span["name"]);
      }
      changed_.NotifyAll();
      return answer;
    };
  }
  Warn warner() {
    return [this](const std::string& line) {
      MutexLock lock(mutex_);
      lines_.push_back(line);
    };
  }
  void Hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void LetGo() {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }
  void WaitForTries(int count) {
    MutexLock lock(mutex_);
    while (tries_ < count) changed_.Wait(mutex_);
  }
  void WaitForSpans(size_t count) {
    MutexLock lock(mutex_);
    while (names_.size() < count) changed_.Wait(mutex_);
  }
  std::vector<std::string> names() {
    MutexLock lock(mutex_);
    return names_;
  }
  std::vector<std::string> lines() {
    MutexLock lock(mutex_);
    return lines_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<Answer> answers_ BRAID_GUARDED_BY(mutex_);
  std::vector<std::string> names_ BRAID_GUARDED_BY(mutex_), lines_ BRAID_GUARDED_BY(mutex_);
  int tries_ BRAID_GUARDED_BY(mutex_) = 0;
  bool held_ BRAID_GUARDED_BY(mutex_) = false;
};

Settings SomeSettings() {
  Settings settings;
  settings.url = "http://ada:s3cret@collector:4318/v1/traces";
  settings.delay_ms = 1;
  settings.batch = 2;
  settings.queue = 4;
  return settings;
}

TEST(ExporterTest, SendsBatchesInOrderAndTheRestAtTheEnd) {
  Collector collector({{200, 0, "{}"}});
  Settings settings = SomeSettings();
  settings.delay_ms = 3'600'000;
  {
    Exporter exporter(settings, &SystemClock(), collector.sender(), collector.warner());
    exporter.Add(SomeSpan("a"));
    exporter.Add(SomeSpan("b"));
    collector.WaitForSpans(2);
    exporter.Add(SomeSpan("c"));
  }
  EXPECT_THAT(collector.names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(collector.lines(), IsEmpty());
}

TEST(ExporterTest, ASpanThatIsNotSampledIsNotSent) {
  Collector collector({{200, 0, "{}"}});
  {
    Exporter exporter(SomeSettings(), &SystemClock(), collector.sender(), collector.warner());
    Span unsampled = SomeSpan("a");
    unsampled.context.sampled = false;
    exporter.Add(unsampled);
    exporter.Add(Span());
    exporter.Add(SomeSpan("b"));
  }
  EXPECT_THAT(collector.names(), ElementsAre("b"));
}

TEST(ExporterTest, WhatFindsNoRoomIsDroppedAndCounted) {
  Collector collector({{200, 0, "{}"}});
  collector.Hold();
  {
    Exporter exporter(SomeSettings(), &SystemClock(), collector.sender(), collector.warner());
    exporter.Add(SomeSpan("on its way"));
    collector.WaitForTries(1);
    for (int i = 0; i < 7; ++i) exporter.Add(SomeSpan(std::to_string(i)));
    EXPECT_EQ(exporter.counters().dropped, 3);
    collector.LetGo();
    collector.WaitForSpans(5);
  }
  EXPECT_THAT(collector.names(), ElementsAre("on its way", "0", "1", "2", "3"));
  EXPECT_THAT(collector.lines(), ElementsAre("3 spans did not reach the collector of traces at "
                                             "http://collector:4318/v1/traces"));
}

TEST(ExporterTest, ABatchIsSentAgainAfterATroubleThatMayPass) {
  Collector collector({{503, 1, "later"}, {0, 1, "no route"}, {200, 0, "{}"}});
  {
    Exporter exporter(SomeSettings(), &SystemClock(), collector.sender(), collector.warner());
    exporter.Add(SomeSpan("a"));
    collector.WaitForSpans(1);
  }
  EXPECT_THAT(collector.names(), ElementsAre("a"));
  EXPECT_THAT(
      collector.lines(),
      ElementsAre("the collector of traces at http://collector:4318/v1/traces: HTTP 503: later",
                  AllOf(HasSubstr("takes spans again"), HasSubstr("0 spans did not reach it"))));
}

TEST(ExporterTest, ABatchThatIsRefusedIsGivenUp) {
  Collector collector({{400, 0, "bad"}, {200, 0, "{}"}});
  {
    Settings settings = SomeSettings();
    settings.batch = 1;
    Exporter exporter(settings, &SystemClock(), collector.sender(), collector.warner());
    exporter.Add(SomeSpan("a"));
    collector.WaitForTries(1);
    exporter.Add(SomeSpan("b"));
    collector.WaitForSpans(1);
  }
  EXPECT_THAT(collector.names(), ElementsAre("b"));
  EXPECT_THAT(collector.lines().front(), HasSubstr("HTTP 400: bad"));
}

TEST(ExporterTest, SpansThatTheCollectorRejectsCount) {
  Collector collector(
      {{200, 0, R"({"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}})"}});
  Settings settings = SomeSettings();
  settings.delay_ms = 3'600'000;  // one batch of two
  {
    Exporter exporter(settings, &SystemClock(), collector.sender(), collector.warner());
    exporter.Add(SomeSpan("a"));
    exporter.Add(SomeSpan("b"));
    collector.WaitForSpans(2);
  }
  EXPECT_THAT(collector.lines(), ElementsAre(HasSubstr("it rejected spans: too old"),
                                             HasSubstr("1 span did not reach the collector")));
}

// The end waits neither for a collector that does not answer nor for one that asks for a pause.
TEST(ExporterTest, TheEndIsBounded) {
  Settings settings = SomeSettings();
  settings.flush_ms = 20;
  Collector slow({{200, 0, "{}"}});
  slow.Hold();
  {
    Exporter exporter(settings, &SystemClock(), slow.sender(), slow.warner());
    exporter.Add(SomeSpan("a"));
    slow.WaitForTries(1);
    exporter.Add(SomeSpan("b"));
  }
  EXPECT_THAT(slow.lines().back(), HasSubstr("2 spans did not reach the collector of traces"));
  Collector busy({{429, 50'000, "busy"}});
  {
    Exporter exporter(settings, &SystemClock(), busy.sender(), busy.warner());
    exporter.Add(SomeSpan("a"));
    busy.WaitForTries(1);
  }
  EXPECT_THAT(busy.lines().back(), HasSubstr("1 span did not reach the collector of traces"));
}

TEST(ExporterTest, WithoutAnAddressThereIsNoneAndWarningsAreSaid) {
  std::vector<std::string> lines;
  Settings settings;
  settings.warnings = {"OTEL_X: wrong"};
  EXPECT_EQ(MakeExporter(settings, [&](const std::string& line) { lines.push_back(line); }),
            nullptr);
  EXPECT_THAT(lines, ElementsAre("OTEL_X: wrong"));
}

}  // namespace
}  // namespace braid::trace
