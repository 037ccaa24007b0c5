#include "report/page/plot.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "report/page/document.h"

namespace braid::report {
namespace {

// The size of a plot and its margins, in pixels of its own coordinates; the legend is in the right
// margin.
constexpr double kWidth = 860, kHeight = 400, kLeft = 64, kRight = 230, kTop = 40, kBottom = 52;
// More points than pixels only make files large.
constexpr size_t kMaxPoints = 400;
constexpr size_t kColours = 7;
// Told apart with every common kind of colour blindness (Okabe and Ito); in the dark the darkest
// ones are lighter.
constexpr char kPlotStyle[] =
    "<style>.bp{font:12px system-ui,-apple-system,\"Segoe UI\",\"DejaVu "
    "Sans\",sans-serif;fill:#3b404a}.bp .t{font-weight:600;font-size:13px}"
    ".bp .g{stroke:#e3e5ea}.bp .a{stroke:#8b919c}.bp "
    ".v{font-variant-numeric:tabular-nums;fill:#5d6370}.bp polyline{fill:none;stroke-width:1.8}"
    ".bp .k0{color:#0072b2}.bp .k1{color:#d55e00}.bp .k2{color:#009e73}.bp .k3{color:#b8588f}.bp "
    ".k4{color:#c58600}.bp .k5{color:#3a9bd4}"
    ".bp .k6{color:#22252b}.bp .k0,.bp .k1,.bp .k2,.bp .k3,.bp .k4,.bp .k5,.bp "
    ".k6{stroke:currentColor}.bp .f{fill:currentColor;stroke:none}"
    "@media (prefers-color-scheme:dark){.bp{fill:#c9ced6}.bp .g{stroke:#31353e}.bp "
    ".a{stroke:#6b717c}.bp .v{fill:#9aa1ad}"
    ".bp .k0{color:#4aa8e0}.bp .k1{color:#f08a48}.bp .k2{color:#2fc79a}.bp .k3{color:#dd8fc0}.bp "
    ".k4{color:#e9b44c}.bp .k6{color:#d9dce2}}"
    "</style>\n";

using Points = std::vector<std::pair<double, double>>;

// At most kMaxPoints points, each the mean of its neighbours, so that no spike is shown as if it
// were all there is. Values that are not finite (a loss that diverged) have no place in a plot.
Points Thinned(const Curve& curve) {
  Points points;
  for (const auto& point : curve.points) {
    if (std::isfinite(point.first) && std::isfinite(point.second)) points.push_back(point);
  }
  if (points.size() <= kMaxPoints) return points;
  Points thin;
  for (size_t i = 0; i < kMaxPoints; ++i) {
    const size_t begin = i * points.size() / kMaxPoints, end = (i + 1) * points.size() / kMaxPoints;
    double x = 0, y = 0;
    for (size_t j = begin; j < end; ++j) x += points[j].first, y += points[j].second;
    thin.emplace_back(x / static_cast<double>(end - begin), y / static_cast<double>(end - begin));
  }
  return thin;
}

struct Range {
  double low = INFINITY, high = -INFINITY;
  void Take(double value) { low = std::min(low, value), high = std::max(high, value); }
};

std::string Label(double x, double y, const char* anchor, const std::string& text,
                  const std::string& more = "") {
  return Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, more.c_str()) +
         EscapeHtml(text) + "</text>\n";
}

std::string Line(double x1, double y1, double x2, double y2, const char* kind) {
  return Format("<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", kind, x1,
                y1, x2, y2);
}

std::string Open(double height, const std::string& title) {
  return Format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bp\" viewBox=\"0 0 %.0f %.0f\" "
             "width=\"%.0f\" height=\"%.0f\" role=\"img\" "
             "aria-label=\"",
             kWidth, height, kWidth, height) +
         EscapeHtml(title) + "\">\n" + kPlotStyle + Label(0, 16, "start", title, " class=\"t\"");
}

// "1.5 M", "200 k": as many digits as the tick has, no more.
std::string CountLabel(double value) {
  const double size = std::abs(value);
  if (size >= 1e9) return Format("%.4g G", value / 1e9);
  if (size >= 1e6) return Format("%.4g M", value / 1e6);
  return size >= 1e4 ? Format("%.4g k", value / 1e3) : Format("%.4g", value);
}

// The axes: ticks at round numbers, and the position of a value in the picture.
class Frame {
 public:
  Frame(const Range& x, const Range& y)
      : xs_(RoundTicks(x.low, x.high, 6)), ys_(RoundTicks(y.low, y.high, 6)) {}

  double X(double value) const {
    return kLeft + (value - xs_.front()) / (xs_.back() - xs_.front()) * (kWidth - kLeft - kRight);
  }
  double Y(double value) const {
    return kHeight - kBottom -
           (value - ys_.front()) / (ys_.back() - ys_.front()) * (kHeight - kTop - kBottom);
  }

  std::string Draw(const Plot& plot) const {
    std::string svg;
    const double bottom = kHeight - kBottom;
    for (const double tick : ys_) {
      svg += Line(kLeft, Y(tick), kWidth - kRight, Y(tick), "g");
      svg += Label(kLeft - 8, Y(tick) + 4, "end",
                   Format("%.4g", std::abs(tick) < 1e-12 ? 0 : tick));
    }
    for (const double tick : xs_) {
      svg += Line(X(tick), bottom, X(tick), bottom + 5, "a");
      svg += Label(X(tick), bottom + 19, "middle", CountLabel(tick));
    }
    svg += Line(kLeft, bottom, kWidth - kRight, bottom, "a");
    svg += Label((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", plot.x_label);
    const double middle = (kTop + bottom) / 2;
    return svg + Label(14, middle, "middle", plot.y_label,
                       Format(" transform=\"rotate(-90 14 %.1f)\"", middle));
  }

 private:
  const std::vector<double> xs_, ys_;
};

// The same colour comes again after seven curves, dashed.
std::string Stroke(size_t index) {
  return Format("class=\"k%zu\"%s", index % kColours,
                index >= kColours ? " stroke-dasharray=\"6 3\"" : "");
}

std::string DrawCurve(const Frame& frame, const Points& points, size_t index) {
  // A line of one point would not be seen.
  if (points.size() == 1) {
    return Format("<circle class=\"k%zu f\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n",
                  index % kColours, frame.X(points[0].first), frame.Y(points[0].second));
  }
  std::string path;
  for (const auto& [x, y] : points) path += Format("%.1f,%.1f ", frame.X(x), frame.Y(y));
  return path.empty() ? "" : "<polyline " + Stroke(index) + " points=\"" + path + "\"/>\n";
}

// In the order in which the curves end, from the top, with the value they end at.
std::string Legend(const Plot& plot, const std::vector<Points>& lines) {
  std::vector<size_t> order;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].empty()) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return lines[a].back().second > lines[b].back().second;
  });
  std::string svg;
  double row = kTop + 8;
  for (const size_t i : order) {
    const double left = kWidth - kRight + 16;
    svg += Format("<line %s stroke-width=\"3\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                  Stroke(i).c_str(), left, row - 4, left + 18, row - 4);
    svg += Label(left + 26, row, "start", plot.curves[i].label);
    svg += Label(kWidth - 4, row, "end", Format("%.4g", lines[i].back().second), " class=\"v\"");
    row += 20;
  }
  return svg;
}

// Whole seconds, minutes or hours that reach `end` in at most eight steps.
double TimeStep(double end) {
  constexpr double kSteps[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                               600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
  for (const double step : kSteps) {
    if (end / step <= 8) return step;
  }
  return 86400 * std::ceil(end / 86400 / 8);
}

std::string TimeLabel(double seconds, double step) {
  if (step < 60 && seconds < 60) return Format("%.0f s", seconds);
  if (step < 60)
    return Format("%d:%02d", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
  if (step < 3600 && seconds < 3600) return Format("%.0f min", seconds / 60);
  if (step < 3600)
    return Format("%d h %02d", static_cast<int>(seconds) / 3600,
                  static_cast<int>(seconds) / 60 % 60);
  return step < 86400 ? Format("%.0f h", seconds / 3600) : Format("%.0f d", seconds / 86400);
}

}  // namespace

std::vector<double> RoundTicks(double low, double high, int count) {
  if (!(high > low)) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room, high += room;
  }
  const double rough = (high - low) / std::max(1, count - 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * 0.999) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string ToSvg(const Plot& plot) {
  std::string svg = Open(kHeight, plot.title);
  Range x, y;
  std::vector<Points> lines;
  for (const Curve& curve : plot.curves) {
    lines.push_back(Thinned(curve));
    for (const auto& [px, py] : lines.back()) x.Take(px), y.Take(py);
  }
  if (!(x.low <= x.high))
    return svg + Label(kLeft, kHeight / 2, "start", "no points were recorded") + "</svg>\n";
  const Frame frame(x, y);
  svg += frame.Draw(plot);
  for (size_t i = 0; i < lines.size(); ++i) svg += DrawCurve(frame, lines[i], i);
  return svg + Legend(plot, lines) + "</svg>\n";
}

std::string ToSvg(const Timeline& timeline) {
  constexpr double kRow = 24, kNames = 220, kEnd = 90;
  const double height = kTop + kRow * static_cast<double>(timeline.bars.size()) + 28,
               bottom = height - 24;
  std::string svg = Open(height, timeline.title);
  double end = 1;
  for (const Timeline::Bar& bar : timeline.bars) end = std::max(end, bar.end);
  const double scale = (kWidth - kNames - kEnd) / end, step = TimeStep(end);
  for (double tick = 0; tick <= end; tick += step) {
    svg += Line(kNames + tick * scale, kTop - 6, kNames + tick * scale, bottom, "g");
    svg += Label(kNames + tick * scale, bottom + 16, "middle", TimeLabel(tick, step));
  }
  std::map<std::string, size_t> colours;
  double row = kTop;
  for (const Timeline::Bar& bar : timeline.bars) {
    const size_t colour = colours.emplace(bar.kind, colours.size()).first->second;
    // A job of a second is still to be seen beside one of a day.
    const double width = std::max(2.0, (bar.end - bar.begin) * scale),
                 left = kNames + bar.begin * scale;
    svg += Label(kNames - 10, row + 13, "end", bar.label);
    svg += Format(
        "<rect class=\"k%zu f\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"16\" rx=\"3\"/>\n",
        colour % kColours, left, row, width);
    svg += Label(left + width + 6, row + 13, "start", FormatDuration(bar.end - bar.begin),
                 " class=\"v\"");
    row += kRow;
  }
  return svg + "</svg>\n";
}

}  // namespace braid::report
