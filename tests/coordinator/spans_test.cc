// The spans of runs, jobs and attempts.
#include "coordinator/core/spans.h"

#include "coordinator/api/event_log.h"
#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using trace::Span;

constexpr char kCaller[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class KeptSpans final : public trace::SpanSink {
 public:
  void Add(Span span) override { spans.push_back(std::move(span)); }
  // The only one of this name.
  const Span& Only(const std::string& name) const {
    std::vector<const Span*> found;
    for (const Span& span : spans) {
      if (span.name == name) found.push_back(&span);
    }
    EXPECT_EQ(found.size(), 1u) << name;
    static const Span none;
    return found.empty() ? none : *found.front();
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Span& span : spans) names.push_back(span.name);
    return names;
  }
  std::vector<Span> spans;
};

class SpansTest : public CoreTest {
 protected:
  SpansTest() {
    spans_ = &kept_;
    Restart();
  }
  std::string SubmitTraced(const std::string& traceparent) {
    SubmitCommand command = CommandOf({Node("a", "train")});
    command.traceparent = traceparent;
    return SubmitTaken(command);
  }
  int64_t NowNs() const { return clock_.WallMs() * trace::kNsPerMs; }

  KeptSpans kept_;
};

TEST_F(SpansTest, ARunFromTheCallThatMadeItToItsEnd) {
  const int64_t submitted = NowNs();
  const std::string run = SubmitTraced(kCaller);
  clock_.Advance(2'000);
  FakeWorker& worker = AddWorker("w1");
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_THAT(kept_.Names(), ElementsAre("waiting"));
  EXPECT_EQ(kept_.Only("waiting").begin_ns, submitted);
  const int64_t granted = kept_.Only("waiting").end_ns;
  EXPECT_EQ(granted, submitted + 2'000 * trace::kNsPerMs);
  ASSERT_EQ(worker.sink->newest->ranks.size(), 1u);
  const auto told = trace::ParseTraceparent(worker.sink->newest->ranks[0].traceparent);
  clock_.Advance(4'000);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());

  EXPECT_THAT(kept_.Names(), ElementsAre("waiting", "attempt", "job", "run"));
  const Span& attempt = kept_.Only("attempt");
  EXPECT_EQ(told, attempt.context) << "what the worker's spans are below";
  EXPECT_EQ(attempt.begin_ns, granted);
  EXPECT_EQ(attempt.end_ns, NowNs());
  EXPECT_FALSE(attempt.failed);
  EXPECT_EQ(std::get<std::string>(attempt.attributes.at("braid.attempt.workers")), "w1");
  const Span& job = kept_.Only("job");
  EXPECT_EQ(attempt.parent_id, job.context.span_id);
  EXPECT_EQ(kept_.Only("waiting").parent_id, job.context.span_id);
  EXPECT_EQ(job.begin_ns, submitted);
  EXPECT_EQ(std::get<std::string>(job.attributes.at("braid.job.name")), "a");
  const Span& of_run = kept_.Only("run");
  EXPECT_EQ(job.parent_id, of_run.context.span_id);
  EXPECT_EQ(of_run.parent_id, "00f067aa0ba902b7");
  for (const Span& span : kept_.spans)
    EXPECT_EQ(span.context.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST_F(SpansTest, AttemptsOfOneJobAreSiblingsAndAFailureIsTheStatusOfItsOwn) {
  const std::string run = SubmitTraced(kCaller);
  FakeWorker& worker = AddWorker("w1");
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", false, "system", "it broke").ok());
  const int64_t failed = NowNs();
  for (int i = 0; i < 40 && Job(run, "a").state != JobState::kActive; ++i) {
    clock_.Advance(5'000);
    EXPECT_TRUE(Beat(worker).ok());
  }
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_THAT(kept_.Names(), ElementsAre("waiting", "attempt", "waiting", "attempt", "job", "run"));
  const Span &first = kept_.spans[1], &second = kept_.spans[3];
  EXPECT_TRUE(first.failed);
  EXPECT_EQ(first.error, "it broke");
  EXPECT_EQ(std::get<std::string>(first.attributes.at("error.type")), "system");
  EXPECT_FALSE(second.failed);
  EXPECT_EQ(first.parent_id, second.parent_id);
  EXPECT_NE(first.context.span_id, second.context.span_id);
  EXPECT_NE(kept_.spans[0].context.span_id, kept_.spans[2].context.span_id);
  EXPECT_EQ(kept_.spans[2].begin_ns, failed);
  EXPECT_FALSE(kept_.Only("job").failed);
}

TEST_F(SpansTest, ARestartInTheMiddleChangesNoSpan) {
  const std::string run = SubmitTraced(kCaller);
  FakeWorker& worker = AddWorker("w1");
  EXPECT_TRUE(Beat(worker).ok());
  const std::string told = worker.sink->newest->ranks.at(0).traceparent;
  Restart();
  Connect(worker);
  EXPECT_TRUE(Beat(worker).ok());
  EXPECT_EQ(worker.sink->newest->ranks.at(0).traceparent, told);
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_EQ(Traceparent(kept_.Only("attempt").context), told);
  EXPECT_EQ(kept_.Only("run").parent_id, "00f067aa0ba902b7");
}

TEST_F(SpansTest, ARunWithoutACallerHasATraceOfItsOwn) {
  const std::string run = SubmitTraced("");
  AddWorker("w1");
  EXPECT_TRUE(Beat(workers_["w1"]).ok());
  EXPECT_TRUE(End(RankOf(run, "a"), "w1", true).ok());
  EXPECT_EQ(kept_.Only("run").parent_id, "");
  EXPECT_EQ(kept_.Only("run").context.trace_id, trace::TraceIdOf("run " + run));
  EXPECT_TRUE(kept_.Only("run").context.sampled);
}

TEST_F(SpansTest, WhatACallerDoesNotRecordIsNotRecordedHere) {
  const std::string run = SubmitTraced("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
  AddWorker("w1");
  EXPECT_TRUE(Beat(workers_["w1"]).ok());
  EXPECT_THAT(workers_["w1"].sink->newest->ranks.at(0).traceparent, HasSubstr("-00"));
  for (const Span& span : kept_.spans) EXPECT_FALSE(span.context.sampled);
}

TEST_F(SpansTest, AJobThatWasGrantedNothingIsNoSpan) {
  const std::string run = SubmitTraced(kCaller);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
  EXPECT_THAT(kept_.Names(), ElementsAre("run"));
  EXPECT_FALSE(kept_.Only("run").failed) << "what was cancelled has not failed";
}

TEST_F(SpansTest, ARetryIsPartOfTheTraceOfItsOwnCall) {
  const std::string first = SubmitTraced(kCaller);
  EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(first, tx); }).ok());
  std::string second;
  EXPECT_TRUE(Do([&](Transaction& tx) -> Status {
                BRAID_ASSIGN_OR_RETURN(
                    second,
                    Retry(first, tx, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
                return OkStatus();
              }).ok());
  EXPECT_EQ(SpanOfRun(*core_->state().FindRun(second), {}).trace_id,
            "0af7651916cd43dd8448eb211c80319c");
}

TEST_F(SpansTest, LinesOfTheLogNameTheSpanOfWhatTheyAreAbout) {
  const std::string id = SubmitTraced(kCaller);
  const RunRecord& run = *core_->state().FindRun(id);
  const LogSubject of_run = SubjectOf({1, 0, "run.created", id}, &run, {});
  EXPECT_EQ(of_run.span_id, SpanOfRun(run, {}).span_id);
  EXPECT_EQ(of_run.attempt, -1);
  const LogSubject of_job = SubjectOf({1, 0, "job.queued", id, "a"}, &run, {});
  EXPECT_EQ(of_job.span_id, SpanOfJob({id, "a"}, run, {}).span_id);
  const catalog::EventRecord granted{1, 0, "attempt.granted", id, "a", 2, "w1", "why"};
  const LogSubject of_attempt = SubjectOf(granted, &run, {});
  EXPECT_EQ(of_attempt.span_id, SpanOfAttempt({id, "a", 2}, run, {}).span_id);
  EXPECT_EQ(of_attempt.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(of_attempt.attempt, 2);
  EXPECT_EQ(LogTextOf(granted), "attempt.granted, worker w1: why");
  EXPECT_EQ(SubjectOf({1, 0, "worker.lost", "", "", 0, "w1"}, nullptr, {}).trace_id, "");
}

}  // namespace
}  // namespace braid::coordinator
