// Line plots as SVG: axes with round ticks, a legend, one colour a curve.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace braid::report {

struct Curve {
  std::string label;
  std::vector<std::pair<double, double>> points;  // in order of x; points that are not finite are left out
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Curve> curves;
};

// Long curves are thinned to the means of equal stretches of points. A plot without points says so.
std::string ToSvg(const Plot& plot);

// Round numbers that cover [low, high]: about `count` ticks of 1, 2 or 5 times a power of ten.
std::vector<double> RoundTicks(double low, double high, int count);

}  // namespace braid::report
