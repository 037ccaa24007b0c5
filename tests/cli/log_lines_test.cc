#include "cli/shared/log_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/shared/line_pattern.h"
#include "cli/shared/run_logs.h"

namespace braid::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Texts(const std::vector<LogLine>& lines) {
  std::vector<std::string> texts;
  for (const LogLine& line : lines) texts.push_back(line.job + ": " + line.text);
  return texts;
}

TEST(LogLinesTest, PiecesBecomeLinesWhereverTheyWereCut) {
  LogCutter cutter("a");
  std::vector<LogLine> lines;
  cutter.Add(1, 0, "first\nsec", &lines);
  cutter.Add(1, 9, "ond\n\nth", &lines);
  EXPECT_THAT(Texts(lines), ElementsAre("a: first", "a: second", "a: "));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].offset, 6);
  EXPECT_EQ(lines[2].offset, 13);
  // What another attempt writes is no part of the line that this one has not ended.
  cutter.Add(2, 0, "again\n", &lines);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[3].text, "th");
  EXPECT_EQ(lines[3].attempt, 1);
  EXPECT_EQ(lines[3].offset, 14);
  EXPECT_EQ(lines[4].text, "again");
  EXPECT_EQ(lines[4].offset, 0);
  cutter.Add(2, 6, "no end", &lines);
  EXPECT_EQ(lines.size(), 5u);
  cutter.End(&lines);
  EXPECT_EQ(lines.back().text, "no end");
}

TEST(LogLinesTest, LinesOfSeveralJobsStandInTheOrderOfTime) {
  std::vector<LogLine> lines;
  LogCutter a("a"), b("b");
  a.Add(1, 0,
        "no time yet\n"
        "2026-03-01T12:00:02.000Z I a: two\n"
        "  of two\n"
        "2026-03-01T12:00:01.999Z I a: a moment back\n"
        "2026-03-01T12:00:04.000Z I a: four\n",
        &lines);
  b.Add(1, 0, "2026-03-01T12:00:01.000Z I b: one\n2026-03-01T12:00:03.000Z I b: three\n", &lines);
  SortByTime(&lines);
  EXPECT_THAT(Texts(lines), ElementsAre("a: no time yet", "b: 2026-03-01T12:00:01.000Z I b: one",
                                        "a: 2026-03-01T12:00:02.000Z I a: two", "a:   of two",
                                        "a: 2026-03-01T12:00:01.999Z I a: a moment back",
                                        "b: 2026-03-01T12:00:03.000Z I b: three",
                                        "a: 2026-03-01T12:00:04.000Z I a: four"));
  KeepLast(1, &lines);
  EXPECT_THAT(Texts(lines), ElementsAre("b: 2026-03-01T12:00:03.000Z I b: three",
                                        "a: 2026-03-01T12:00:04.000Z I a: four"));
}

TEST(LogLinesTest, PatternsAreThoseOfGrep) {
  const auto pattern = LinePattern::Make("loss (of|at) step [0-9]+");
  ASSERT_TRUE(pattern.ok());
  EXPECT_TRUE(pattern->Matches("the loss at step 12 is 3.4"));
  EXPECT_FALSE(pattern->Matches("the loss at step x"));
  EXPECT_TRUE(LinePattern::Make("b$")->Matches(std::string("a\0b", 3)));
  EXPECT_THAT(LinePattern::Make("(a").status().message(),
              HasSubstr("\"(a\" is no regular expression as grep -E reads it: "));
}

TEST(LogLinesTest, UnknownJobsAndRanksAreNamed) {
  v1::Run run;
  run.set_id("r-1");
  for (const auto& [name, ranks] : {std::pair{"path_tales", 1}, {"joint:both", 2}}) {
    v1::Job* job = run.add_jobs();
    job->set_name(name);
    job->set_ranks(ranks);
  }
  EXPECT_TRUE(CheckLogOptions(run, {.rank = 1}).ok());
  EXPECT_EQ(CheckLogOptions(run, {.jobs = {"path_tale"}}).message(),
            "run r-1 has no job \"path_tale\"; did you mean path_tales? braid list jobs r-1 has "
            "all");
  EXPECT_EQ(CheckLogOptions(run, {.jobs = {"path_tales"}, .rank = 1}).message(),
            "--rank 1: the most ranks that one of these jobs has are 1, and the first is rank 0");
  run.mutable_jobs(0)->add_attempts()->set_epoch(2);
  EXPECT_TRUE(CheckLogOptions(run, {.attempt = 2}).ok());
  EXPECT_EQ(CheckLogOptions(run, {.jobs = {"path_tales"}, .attempt = 3}).message(),
            "--attempt 3: the newest attempt is 2; without --attempt the newest is shown");
}

}  // namespace
}  // namespace braid::cli
