#include <gmock/gmock.h>

#include <cmath>

#include "cli/local/top_view.h"
#include "cli/shared/braille.h"

namespace braid::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Braille, DrawsACurveInDots) {
  // Two dots a character, four rows of dots: falls from the upper left to the lower right.
  EXPECT_THAT(BrailleCurve({3, 2, 1, 0}, 2, 1), ElementsAre("\u2811\u2884"));
  EXPECT_THAT(BrailleCurve({1, 1}, 1, 1), ElementsAre("\u2824"));  // no range: the middle
  EXPECT_THAT(BrailleCurve({}, 2, 2), ElementsAre("  ", "  "));
}

TEST(Braille, KeepsEachSpike) {
  std::vector<double> values(1000, 0.0);
  values[500] = 1;
  const std::string line = BrailleCurve(values, 10, 1)[0];
  // A full column of dots where the spike is.
  EXPECT_THAT(line, HasSubstr("\u28C7"));
}

TEST(Braille, LeavesOutWhatIsNoNumber) {
  EXPECT_EQ(BrailleCurve({3, std::nan(""), 1, 0}, 2, 1)[0].size(), 6u);
  EXPECT_THAT(BrailleCurve({std::nan(""), INFINITY}, 1, 1), ElementsAre(" "));
}

TopData Data() {
  TopData data;
  data.address = "127.0.0.1:7070";
  data.fetched_ms = 1000;
  for (int i = 0; i < 30; ++i) {
    v1::Run* run = data.runs.add_runs();
    run->set_id("r-" + std::to_string(i));
    run->set_name("name\033[2J" + std::to_string(i));
    run->set_state(v1::RUN_ACTIVE);
  }
  data.run = data.runs.runs(1);
  v1::Job* job = data.run.add_jobs();
  job->set_name("path_1");
  job->set_kind("train");
  job->set_state(v1::JOB_ACTIVE);
  data.run.add_jobs()->set_name("merge");
  data.curves["path_1"].losses = {3, 2, 1, 0.5};
  data.log = "first\nsecond\nthird\n";
  return data;
}

std::string TextOf(const std::vector<ScreenLine>& frame) {
  std::string text;
  for (const ScreenLine& line : frame) text += line.text + "\n";
  return text;
}

TEST(Top, FrameHasTheSizeOfTheScreenAndTheSelectedRun) {
  TopData data = Data();
  TopPlace place;
  place.selected_run = 25;
  const auto frame = TopFrame(data, place, 60, 12, 3500);
  ASSERT_EQ(frame.size(), 12u);
  EXPECT_THAT(frame[0].text, HasSubstr("30 runs active"));
  EXPECT_THAT(frame.back().text, HasSubstr("2.5 s old"));
  std::string selected;
  for (const ScreenLine& line : frame) {
    EXPECT_EQ(line.text.find('\033'), std::string::npos);
    if (line.selected) selected += line.text;
  }
  EXPECT_THAT(selected, HasSubstr("r-25"));
}

TEST(Top, KeysLeadFromRunsToJobsToLogsAndBack) {
  const TopData data = Data();
  TopPlace place;
  Press(Key::kUp, data, 12, &place);
  EXPECT_EQ(place.selected_run, 0);
  Press(Key::kDown, data, 12, &place);
  Press(Key::kEnter, data, 12, &place);
  EXPECT_EQ(place.page, TopPage::kRun);
  EXPECT_EQ(place.run_id, "r-1");
  const std::string run = TextOf(TopFrame(data, place, 100, 24, 1000));
  EXPECT_THAT(run, HasSubstr("loss of path_1, 0.5 to 3, 4 steps"));
  EXPECT_THAT(run, HasSubstr("esc: back"));
  Press(Key::kEnter, data, 12, &place);
  EXPECT_EQ(place.wish(), (TopWish{"r-1", "path_1"}));
  EXPECT_THAT(TextOf(TopFrame(data, place, 100, 24, 1000)), HasSubstr("second"));
  Press(Key::kBack, data, 12, &place);
  Press(Key::kBack, data, 12, &place);
  EXPECT_EQ(place.page, TopPage::kRuns);
  EXPECT_EQ(place.selected_run, 1);
  Press(Key::kTab, data, 12, &place);
  EXPECT_THAT(TextOf(TopFrame(data, place, 100, 24, 1000)), HasSubstr("WORKER"));
  Press(Key::kTab, data, 12, &place);
  EXPECT_EQ(place.selected_run, 1);
}

TEST(Top, SaysThatNobodyAnswersAndHowOldTheDataIs) {
  TopData data = Data();
  data.status = Unavailable("no connection to 127.0.0.1:7070");
  EXPECT_THAT(TopFrame(data, {}, 100, 10, 61'000).back().text,
              HasSubstr("1 min 00 s old: no connection to 127.0.0.1:7070"));
}

}  // namespace
}  // namespace braid::cli
