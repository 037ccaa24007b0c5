// Plots as SVG: lines with round ticks, a legend and one colour a curve; bars over time. Light or
// dark as the reader's system is, alone or inside a page.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace braid::report {

// A line of a plot.
struct Curve {
  // In the legend.
  std::string label;
  // Pairs (x, y) in the order of x. Those that are not finite are left out.
  std::vector<std::pair<double, double>> points;
};

// Curves over one axis.
struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Curve> curves;
};

// Bars over time, such as the jobs of a run.
struct Timeline {
  // A span of time; bars are drawn from top to bottom in their order.
  struct Bar {
    std::string label;
    // Bars of one kind have one colour.
    std::string kind;
    // In seconds since the beginning of the plot.
    double begin = 0, end = 0;
  };
  std::string title;
  // From top to bottom.
  std::vector<Bar> bars;
};

// Long curves are thinned to the means of equal stretches of points. A plot without points says so.
std::string ToSvg(const Plot& plot);
std::string ToSvg(const Timeline& timeline);

// Round numbers that cover [low, high]: about `count` ticks of 1, 2 or 5 times a power of ten.
std::vector<double> RoundTicks(double low, double high, int count);

}  // namespace braid::report
