#include "report/plot.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/document.h"

namespace braid::report {
namespace {

constexpr double kWidth = 820, kHeight = 380, kLeft = 64, kRight = 190, kTop = 34, kBottom = 48;
constexpr size_t kMostPoints = 400;
// Told apart with every common kind of colour blindness (Okabe and Ito).
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"};

std::vector<std::pair<double, double>> Thinned(const Curve& curve) {
  std::vector<std::pair<double, double>> points;
  for (const auto& point : curve.points) {
    if (std::isfinite(point.first) && std::isfinite(point.second)) points.push_back(point);
  }
  if (points.size() <= kMostPoints) return points;
  std::vector<std::pair<double, double>> thin;
  for (size_t i = 0; i < kMostPoints; ++i) {
    const size_t begin = i * points.size() / kMostPoints, end = (i + 1) * points.size() / kMostPoints;
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

std::string Label(double x, double y, const char* anchor, const std::string& text, const char* more = "") {
  return Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, more) + EscapeHtml(text) + "</text>\n";
}

class Frame {
 public:
  Frame(const Range& x, const Range& y) : xs_(RoundTicks(x.low, x.high, 6)), ys_(RoundTicks(y.low, y.high, 6)) {}

  double X(double value) const { return kLeft + (value - xs_.front()) / (xs_.back() - xs_.front()) * (kWidth - kLeft - kRight); }
  double Y(double value) const {
    return kHeight - kBottom - (value - ys_.front()) / (ys_.back() - ys_.front()) * (kHeight - kTop - kBottom);
  }

  std::string Draw(const Plot& plot) const {
    std::string svg;
    for (const double tick : xs_) {
      svg += Format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#e4e4e8\"/>\n", X(tick), kTop, X(tick), kHeight - kBottom);
      svg += Label(X(tick), kHeight - kBottom + 18, "middle", FormatCount(tick));
    }
    for (const double tick : ys_) {
      svg += Format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#e4e4e8\"/>\n", kLeft, Y(tick), kWidth - kRight, Y(tick));
      svg += Label(kLeft - 8, Y(tick) + 4, "end", Format("%.4g", tick));
    }
    svg += Label((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", plot.x_label);
    svg += Label(14, (kTop + kHeight - kBottom) / 2, "middle", plot.y_label,
                 Format(" transform=\"rotate(-90 14 %.1f)\"", (kTop + kHeight - kBottom) / 2).c_str());
    return svg;
  }

 private:
  const std::vector<double> xs_, ys_;
};

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
  std::string svg = Format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
                           "font-family=\"system-ui,sans-serif\" font-size=\"12\" role=\"img\">\n",
                           kWidth, kHeight, kWidth, kHeight);
  svg += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" + Label(kLeft, 20, "start", plot.title, " font-weight=\"600\"");
  Range x, y;
  std::vector<std::vector<std::pair<double, double>>> lines;
  for (const Curve& curve : plot.curves) {
    lines.push_back(Thinned(curve));
    for (const auto& [px, py] : lines.back()) x.Take(px), y.Take(py);
  }
  if (!(x.low <= x.high)) return svg + Label(kLeft, kHeight / 2, "start", "no points were recorded") + "</svg>\n";
  const Frame frame(x, y);
  svg += frame.Draw(plot);
  for (size_t i = 0; i < lines.size(); ++i) {
    const char* colour = kColours[i % std::size(kColours)];
    std::string path;
    for (const auto& [px, py] : lines[i]) path += Format("%.1f,%.1f ", frame.X(px), frame.Y(py));
    if (lines[i].size() == 1) {
      svg += Format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", frame.X(lines[i][0].first), frame.Y(lines[i][0].second), colour);
    } else if (!lines[i].empty()) {
      svg += Format("<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" points=\"", colour) + path + "\"/>\n";
    }
    const double row = kTop + 10 + 18 * static_cast<double>(i);
    svg += Format("<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"4\" fill=\"%s\"/>\n", kWidth - kRight + 12, row - 5, colour);
    svg += Label(kWidth - kRight + 32, row, "start", plot.curves[i].label);
  }
  return svg + "</svg>\n";
}

}  // namespace braid::report
