#include "cli/shared/run_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/shared/columns.h"

namespace braid::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST(Columns, AreCountedAsTerminalsShowThem) {
  EXPECT_EQ(ColumnsOf("größe"), 5);
  EXPECT_EQ(ColumnsOf("模型"), 4);         // two columns each
  EXPECT_EQ(ColumnsOf("e\u0301"), 1);      // an accent on top of the letter
  EXPECT_EQ(ColumnsOf("\xFF"), 1);         // no UTF-8
  EXPECT_EQ(ColumnsOf("a\u009b31mb"), 6);  // the beginning of a sequence
}

TEST(Columns, FitCutsAndFillsUpAndKeepsTerminalsSafe) {
  EXPECT_EQ(Fit("ab", 4), "ab  ");
  EXPECT_EQ(FitRight("ab", 4), "  ab");
  EXPECT_EQ(Fit("\u00e9\u00e9\u00e9", 2), "\u00e9\u2026");
  EXPECT_EQ(Fit("模型模", 5), "模型\u2026");
  EXPECT_EQ(Fit("模型模", 4), "模\u2026 ") << "half of a character is not shown";
  EXPECT_EQ(Fit("a\033[2J", 5), "a?[2J");
  EXPECT_EQ(Fit("a\u009b2J", 4), "a?2J");
  EXPECT_EQ(Fit("a\nb", 3), "a b");
  EXPECT_EQ(Fit("abc", 0), "");
}

TEST(RunBlockTest, ABarIsFilledByItsShare) {
  EXPECT_EQ(Bar(0, 12), "[          ]");
  EXPECT_EQ(Bar(0.35, 12), "[###       ]");
  EXPECT_EQ(Bar(1, 12), "[##########]");
  EXPECT_EQ(Bar(7, 4), "[##]");
  EXPECT_EQ(Bar(0.5, 2), "");
}

TEST(RunBlockTest, ABlockIsDrawnWhereItWas) {
  EXPECT_EQ(DrawText({"one", "two"}), "\rone\033[K\r\ntwo\033[K\033[J\r\033[1A");
  EXPECT_EQ(DrawText({"one"}), "\rone\033[K\033[J\r");
  EXPECT_EQ(DrawText({}), "\r\033[J");
}

v1::Job* AddJob(v1::Run* run, const std::string& name, v1::JobState state) {
  v1::Job* job = run->add_jobs();
  job->set_name(name);
  job->set_state(state);
  return job;
}

void SetProgress(v1::Job* job, int64_t done, double rate, double left_s) {
  v1::Progress& progress = *job->mutable_progress();
  progress.set_phase("training");
  progress.set_done(done);
  progress.set_total(200);
  progress.set_tokens_per_s(rate);
  progress.set_eta_s(left_s);
}

v1::Run TwoPaths() {
  v1::Run run;
  run.set_name("small");
  run.set_state(v1::RUN_ACTIVE);
  run.set_created_ms(1'000'000);
  run.set_jobs_total(10);
  run.set_jobs_succeeded(2);
  AddJob(&run, "tokenizer", v1::JOB_SUCCEEDED);
  SetProgress(AddJob(&run, "path_tales", v1::JOB_ACTIVE), 63, 81'000, 72);
  AddJob(&run, "path_sums", v1::JOB_ACTIVE)->mutable_progress()->set_phase("fetching");
  AddJob(&run, "merge:both", v1::JOB_BLOCKED);
  return run;
}

TEST(RunBlockTest, EachJobThatRunsHasALineAndTheRunTheLast) {
  EXPECT_THAT(
      RunBlock(TwoPaths(), {80, 24}, 1'034'000),
      ElementsAre(
          "path_tales [#######                ]  31 %   81.0 k tokens/s    1 min 12 s left",
          "path_sums  [                       ]   -            fetching                   ",
          "small      [#####                  ]  23 %      2 of 10 jobs         after 34 s"));
  EXPECT_THAT(RunBlock(TwoPaths(), {40, 24}, 1'034'000),
              ElementsAre("path_tales [##     ]  31 %   1 min 12 s",
                          "path_sums  [       ]   -       fetching",
                          "small      [#      ]  23 %    2/10 jobs"));
}

TEST(RunBlockTest, ColumnsStandStillWhileNumbersChange) {
  v1::Run run = TwoPaths();
  for (const int columns : {40, 80, 200}) {
    const std::string before = RunBlock(run, {columns, 24}, 1'034'000)[0];
    v1::Run later = run;
    SetProgress(later.mutable_jobs(1), 199, 9.5, 90'000);
    const std::string after = RunBlock(later, {columns, 24}, 9'034'000)[0];
    EXPECT_EQ(before.find(']'), after.find(']'));
    EXPECT_EQ(before.find('%'), after.find('%'));
    EXPECT_EQ(before.find_last_not_of(" "), after.find_last_not_of(" "));
  }
}

TEST(RunBlockTest, NoLineIsAsWideAsTheTerminalWhateverTheNames) {
  v1::Run run = TwoPaths();
  run.set_name(std::string(500, 'x'));
  for (const char* name :
       {"模型模型模型模型模型模型模型模型模型模型模型模型模型模型", "a\nb\033[2J"}) {
    v1::Job* job = AddJob(&run, name, v1::JOB_ACTIVE);
    job->mutable_progress()->set_phase("训练\033[31m" + std::string(90, 'y'));
  }
  for (const int columns : {1, 5, 20, 40, 71, 72, 80, 300}) {
    for (const std::string& line : RunBlock(run, {columns, 24}, 1'034'000)) {
      EXPECT_LT(ColumnsOf(line), std::max(columns, 2)) << columns << ": " << line;
      EXPECT_EQ(line.find_first_of("\033\n"), std::string::npos) << line;
    }
  }
}

TEST(RunBlockTest, ABlockFitsTheScreenAndCountsTheRest) {
  v1::Run run = TwoPaths();
  for (int i = 0; i < 30; ++i) AddJob(&run, "trial_" + std::to_string(i), v1::JOB_ACTIVE);
  const std::vector<std::string> lines = RunBlock(run, {80, 10}, 1'034'000);
  EXPECT_THAT(lines, SizeIs(9));
  EXPECT_THAT(lines[7], HasSubstr("... and 25 more jobs that run"));
  EXPECT_THAT(lines[8], HasSubstr("2 of 10 jobs"));
}

TEST(RunBlockTest, IfNothingRunsItSaysForWhatTheFirstJobWaits) {
  v1::Run run;
  run.set_name("small");
  run.set_jobs_total(2);
  AddJob(&run, "path_tales", v1::JOB_QUEUED)->set_pending_detail("all slots are in use");
  AddJob(&run, "path_sums", v1::JOB_QUEUED)->set_pending_detail("later");
  const std::vector<std::string> lines = RunBlock(run, {80, 24}, 0);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr("path_tales waits: all slots are in use"));
}

}  // namespace
}  // namespace braid::cli
