#include "report/page/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace braid::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(PlotTest, TicksAreRoundAndCoverTheRange) {
  EXPECT_THAT(RoundTicks(0, 10, 6), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(RoundTicks(1, 9.5, 6), ElementsAre(0, 2, 4, 6, 8, 10));
  const std::vector<double> flat = RoundTicks(3, 3, 6);
  EXPECT_LT(flat.front(), 3);
  EXPECT_GT(flat.back(), 3);
}

TEST(PlotTest, DrawsEveryCurveWithItsLabelEscaped) {
  const std::string svg = ToSvg(
      {"Loss", "tokens", "loss", {{"a<b", {{0, 1}, {10, 3}}}, {"one", {{5, 2}}}}});
  EXPECT_THAT(svg, HasSubstr("<polyline"));
  EXPECT_THAT(svg, HasSubstr("<circle"));
  EXPECT_THAT(svg, HasSubstr("a&lt;b</text>"));
  // (0, 1) is the lower left corner of the axes, (10, 3) the upper right.
  EXPECT_THAT(svg, HasSubstr("points=\"64.0,348.0 630.0,40.0 \""));
}

TEST(PlotTest, LongCurvesAreThinnedByMeans) {
  Curve curve{"long", {}};
  for (int i = 0; i < 4000; ++i) curve.points.emplace_back(i, i % 2);
  const std::string svg = ToSvg({"t", "x", "y", {curve}});
  const size_t begin = svg.find("points=\"") + 8;
  const std::string points = svg.substr(begin, svg.find('"', begin) - begin);
  EXPECT_EQ(std::count(points.begin(), points.end(), ','), 400);
}

TEST(PlotTest, PointsThatAreNotFiniteAreLeftOut) {
  EXPECT_THAT(ToSvg({"t", "x", "y", {{"a", {{1, NAN}}}}}), HasSubstr("no points were recorded"));
  EXPECT_THAT(ToSvg({"t", "x", "y", {{"a", {{1, 1}, {2, INFINITY}, {3, 2}}}}}),
              Not(HasSubstr("inf")));
}

TEST(PlotTest, TheLegendStandsInTheOrderOfTheLastValues) {
  const std::string svg = ToSvg(
      {"t", "x", "y", {{"low", {{0, 5}, {1, 1}}}, {"high", {{0, 1}, {1, 3}}}}});
  EXPECT_LT(svg.find(">high</text>"), svg.find(">low</text>"));
}

TEST(PlotTest, TheEighthCurveIsDashedWhereColoursComeAgain) {
  Plot plot{"t", "x", "y", {}};
  for (int i = 0; i < 8; ++i) plot.curves.push_back({std::to_string(i), {{0, i}, {1, i}}});
  const std::string svg = ToSvg(plot);
  EXPECT_THAT(svg, HasSubstr("<polyline class=\"k0\" stroke-dasharray=\"6 3\""));
  EXPECT_THAT(svg, HasSubstr("<polyline class=\"k6\" points"));
}

TEST(PlotTest, BarsOfATimelineLieWhereTheirJobsRan) {
  // 860 wide, 220 for names and 90 at the end: 550 points for 100 seconds.
  const std::string svg = ToSvg(
      Timeline{"t", {{"one", "train", 0, 100}, {"two<", "merge", 50, 100}}});
  EXPECT_THAT(svg, HasSubstr("x=\"220.0\" y=\"40.0\" width=\"550.0\""));
  EXPECT_THAT(svg, HasSubstr("x=\"495.0\" y=\"64.0\" width=\"275.0\""));
  EXPECT_THAT(svg, HasSubstr("two&lt;</text>"));
  EXPECT_THAT(svg, HasSubstr(">1:30</text>"));  // a tick: steps of 15 seconds, past the minute
}

}  // namespace
}  // namespace braid::report
