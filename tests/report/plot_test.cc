#include "report/plot.h"

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
  const std::string svg = ToSvg({"Loss", "tokens", "loss", {{"a<b", {{0, 1}, {10, 3}}}, {"one", {{5, 2}}}}});
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
  EXPECT_THAT(ToSvg({"t", "x", "y", {{"a", {{1, 1}, {2, INFINITY}, {3, 2}}}}}), Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace braid::report
