// Tags of runs: given, changed, kept over a restart, and of runs whose rows have left memory.
#include "coordinator/core/tagging.h"

#include "tests/coordinator/core_fixture.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TaggingTest : public CoreTest {
 protected:
  Status TagRun(const std::string& run, TagChange change, const std::string& by = "ada") {
    return Do([&](Transaction& tx) { return Tag(run, by, change, tx); });
  }
  const std::vector<std::string>& TagsOf(const std::string& run) {
    return core_->state().FindRun(run)->tags;
  }
  catalog::EventRecord LastEvent(const std::string& run) {
    return store_.ReadEvents({0, run, 1, true}).value().front();
  }
  // A run that has ended.
  std::string Ended(std::vector<std::string> tags) {
    SubmitCommand command = CommandOf({Node("a", "train")});
    command.tags = std::move(tags);
    const std::string run = SubmitTaken(command);
    EXPECT_TRUE(Do([&](Transaction& tx) { return Cancel(run, tx); }).ok());
    return run;
  }
};

TEST_F(TaggingTest, ARunIsSubmittedWithTagsAndARetryHasThem) {
  const std::string run = Ended({"b", "a", "b"});
  EXPECT_THAT(TagsOf(run), ElementsAre("a", "b"));
  std::string again;
  EXPECT_TRUE(Do([&](Transaction& tx) {
                auto made = Retry(run, tx);
                if (made.ok()) again = *made;
                return made.status();
              }).ok());
  EXPECT_THAT(TagsOf(again), ElementsAre("a", "b"));
  SubmitCommand command = CommandOf({Node("a", "train")});
  command.tags = {"a,b"};
  EXPECT_THAT(Do([&](Transaction& tx) { return Submit(command, tx).status(); }).message(),
              HasSubstr("has a comma"));
}

TEST_F(TaggingTest, TagsOfAnEndedRunChangeAndSurviveARestart) {
  // Its rows leave memory with each turn.
  const std::string run = Ended({"old"});
  EXPECT_TRUE(TagRun(run, {{"new", "lr sweep"}, {"old", "never"}}).ok());
  EXPECT_THAT(TagsOf(run), ElementsAre("lr sweep", "new"));
  EXPECT_EQ(LastEvent(run).kind, "run.tagged");
  EXPECT_EQ(LastEvent(run).detail, "+lr sweep, +new, -old by ada");
  Restart();
  EXPECT_THAT(TagsOf(run), ElementsAre("lr sweep", "new"));
}

TEST_F(TaggingTest, WhatChangesNothingWritesNothingAndWhatCannotBeSaysWhy) {
  const std::string run = Ended({"a"});
  const int64_t seq = LastEvent(run).seq;
  EXPECT_TRUE(TagRun(run, {{"a"}, {"b"}}).ok());
  EXPECT_EQ(LastEvent(run).seq, seq);
  EXPECT_THAT(TagRun(run, {{"a\nb"}, {}}).message(), HasSubstr("has a control character"));
  EXPECT_EQ(TagRun("r-9", {{"a"}, {}}).message(), "there is no run r-9");
  EXPECT_EQ(TagRun(run, {{"b"}, {}}, std::string(256, 'x')).message(),
            "a user's name of 256 bytes: at most 255");
  EXPECT_THAT(TagsOf(run), ElementsAre("a"));
}

}  // namespace
}  // namespace braid::coordinator
