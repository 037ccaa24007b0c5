// The spans of a rank, along its life.
#include "worker/agent/rank_trace.h"

#include <gmock/gmock.h>

#include "tests/worker/agent_driver.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kAttempt[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Assignment Traced(const std::string& traceparent = kAttempt) {
  Assignment assignment = Train("a");
  assignment.traceparent = traceparent;
  return assignment;
}

std::vector<std::string> NamesOf(const std::vector<SpanEnded>& spans) {
  std::vector<std::string> names;
  for (const SpanEnded& span : spans) names.push_back(span.span.name);
  return names;
}

// A worker with one rank whose attempt is traced.
struct TracedLife : AgentDriver {
  explicit TracedLife(const Assignment& assignment = Traced()) {
    Connect();
    Want({assignment});
  }
};

TEST(RankTraceTest, TheStagesOfALifeAreChildrenOfTheRank) {
  Assignment assignment = Traced();
  assignment.inputs = {{"data", "artifact-1"}};
  TracedLife agent(assignment);
  storage::Manifest manifest;
  manifest.kind = "checkpoint";
  agent.Answer<FindArtifact>(OkStatus(), ArtifactFound{false, manifest});
  agent.Pass(50);
  agent.Answer<LayOutArtifact>();
  agent.Started(kKey);
  agent.AnswerRoutine();
  agent.Pass(1'000);
  agent.Say(kKey, SpanMessage{"training", 1'000, 3'000, {{"step", 5}}});
  agent.Say(kKey, ResultMessage{{{"model", {"checkpoint", "model", Json::object()}}}, "{}"});
  agent.Ended(kKey);
  agent.AnswerRoutine();
  agent.Answer<IngestFolder>(OkStatus(), manifest);
  agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{});
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>();
  agent.AnswerRoutine();
  const std::vector<SpanEnded> spans = agent.Take<SpanEnded>();
  ASSERT_THAT(NamesOf(spans),
              ElementsAre("fetch", "training", "program", "deliver", "upload", "commit", "rank"));
  const trace::Context rank = SpanOfRank(assignment), program = SpanOfProgram(assignment);
  EXPECT_EQ(spans.back().span.context, rank);
  EXPECT_EQ(spans.back().span.parent_id, "00f067aa0ba902b7");
  EXPECT_EQ(spans[2].span.context, program);
  EXPECT_EQ(spans[1].span.parent_id, program.span_id);
  EXPECT_EQ(spans[1].span.begin_ns, 1'000 * trace::kNsPerMs) << "the program's own clock";
  EXPECT_EQ(std::get<int64_t>(spans[1].span.attributes.at("braid.step")), 5);
  for (const size_t i : {0, 2, 3, 4, 5}) EXPECT_EQ(spans[i].span.parent_id, rank.span_id);
  for (const SpanEnded& span : spans) {
    EXPECT_EQ(span.span.context.trace_id, rank.trace_id);
    EXPECT_FALSE(span.span.failed) << span.span.name;
    if (span.span.begin_ns != 0) continue;
    EXPECT_GE(span.begin_ms, spans.back().begin_ms);
    EXPECT_LE(span.end_ms, spans.back().end_ms);
  }
  EXPECT_EQ(std::get<std::string>(spans[0].span.attributes.at("braid.artifact.id")), "artifact-1");
  EXPECT_GE(spans[0].end_ms - spans[0].begin_ms, 50);
  EXPECT_GE(spans[2].end_ms - spans[2].begin_ms, 1'000);
}

TEST(RankTraceTest, AProgramThatFailsIsAFailedSpanAndAFailedRank) {
  TracedLife agent;
  agent.Started(kKey);
  agent.AnswerRoutine();
  agent.Say(kKey, ErrorMessage{"user", "the loss is nan", "", "", true});
  agent.Ended(kKey, 1);
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>();
  agent.AnswerRoutine();
  const std::vector<SpanEnded> spans = agent.Take<SpanEnded>();
  ASSERT_THAT(NamesOf(spans), ElementsAre("program", "deliver", "commit", "rank"));
  for (const size_t i : {0, 3}) {
    EXPECT_TRUE(spans[i].span.failed);
    EXPECT_EQ(spans[i].span.error, "the loss is nan");
  }
  EXPECT_FALSE(spans[2].span.failed) << "the report itself went well";
  EXPECT_EQ(std::get<int64_t>(spans[0].span.attributes.at("process.exit.code")), 1);
}

TEST(RankTraceTest, AStopIsNoFailure) {
  TracedLife agent;
  agent.Started(kKey);
  agent.AnswerRoutine();
  Assignment stop = Traced();
  stop.stop = true;
  stop.stop_timeout_ms = 700;
  agent.Want({stop});
  agent.Say(kKey, ErrorMessage{"preempted", "stopped after step 5", "", "", false});
  agent.Ended(kKey, 0);
  agent.AnswerRoutine();
  agent.Answer<ReportEnded>();
  agent.AnswerRoutine();
  for (const SpanEnded& span : agent.Take<SpanEnded>()) EXPECT_FALSE(span.span.failed);
}

TEST(RankTraceTest, ACheckpointIsASpanBesideTheProgram) {
  TracedLife agent;
  agent.Started(kKey);
  agent.AnswerRoutine();
  agent.Say(kKey, CheckpointMessage{5, "/w/step-5", Json::object()});
  agent.Answer<KeepCheckpoint>(OkStatus(), std::string("/kept/step-5"));
  storage::Manifest manifest;
  manifest.kind = "checkpoint";
  agent.Answer<IngestFolder>(OkStatus(), manifest);
  agent.Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{});
  agent.Answer<CommitCheckpoint>(InvalidArgument("no such thing"));
  const std::vector<SpanEnded> spans = agent.Take<SpanEnded>();
  ASSERT_THAT(NamesOf(spans), ElementsAre("checkpoint"));
  EXPECT_EQ(std::get<int64_t>(spans[0].span.attributes.at("braid.checkpoint.step")), 5);
  EXPECT_EQ(spans[0].span.parent_id, SpanOfRank(Traced()).span_id);
  EXPECT_TRUE(spans[0].span.failed);
  EXPECT_EQ(spans[0].span.error, "no such thing");
}

TEST(RankTraceTest, ARankThatIsDroppedEndsItsSpans) {
  TracedLife agent;
  agent.Started(kKey);
  agent.AnswerRoutine();
  agent.Want({});
  const std::vector<SpanEnded> spans = agent.Take<SpanEnded>();
  ASSERT_THAT(NamesOf(spans), ElementsAre("program", "rank"));
  EXPECT_TRUE(std::get<bool>(spans[1].span.attributes.at("braid.rank.dropped")));
  EXPECT_FALSE(spans[1].span.failed);
}

TEST(RankTraceTest, WithoutATraceThatIsRecordedThereAreNone) {
  for (const std::string& none :
       {std::string(), std::string("nonsense"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")}) {
    TracedLife agent(Traced(none));
    agent.Started(kKey);
    agent.AnswerRoutine();
    agent.Say(kKey, SpanMessage{"training", 1, 2, Json::object()});
    agent.Ended(kKey, 1);
    agent.AnswerRoutine();
    agent.Answer<ReportEnded>();
    agent.AnswerRoutine();
    EXPECT_THAT(agent.Take<SpanEnded>(), IsEmpty()) << none;
  }
}

TEST(RankTraceTest, LinesOfTheLogNameTheRankAndItsSpan) {
  TracedLife agent;
  agent.Started(kKey);
  agent.AnswerRoutine();
  agent.Say(kKey, CheckpointMessage{5, "/w/step-5", Json::object()});
  agent.Answer<KeepCheckpoint>(InvalidArgument("no room"));
  const std::vector<LogLine> lines = agent.Take<LogLine>();
  ASSERT_FALSE(lines.empty());
  const LogSubject& subject = lines.back().subject;
  EXPECT_EQ(subject.run, "r");
  EXPECT_EQ(subject.job, "a");
  EXPECT_EQ(subject.attempt, 1);
  EXPECT_EQ(subject.rank, 0);
  EXPECT_EQ(subject.span_id, SpanOfRank(Traced()).span_id);
}

}  // namespace
}  // namespace braid::worker
