#include "cli/shared/braille.h"

#include <algorithm>
#include <cmath>

namespace braid::cli {
namespace {

// The bit of each dot, by its row from above, left and right; U+2800 has none.
constexpr int kDots[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

std::string Utf8OfBraille(int bits) {
  const int code = 0x2800 + bits;
  return {static_cast<char>(0xE2), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
          static_cast<char>(0x80 | (code & 0x3F))};
}

// The values that one column of dots shows.
struct Span {
  double least = 0, most = 0;
  bool any = false;

  void Take(double value) {
    least = any ? std::min(least, value) : value;
    most = any ? std::max(most, value) : value;
    any = true;
  }
};

std::vector<Span> SpansOf(const std::vector<double>& values, size_t dots) {
  // Few values are not spread over all columns: a curve grows from the left.
  std::vector<Span> spans(dots);
  const size_t count = std::max(values.size(), size_t{1});
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    spans[count <= dots ? i : i * dots / count].Take(values[i]);
  }
  return spans;
}

}  // namespace

std::vector<std::string> BrailleCurve(const std::vector<double>& values, int columns, int rows) {
  const auto width = static_cast<size_t>(std::max(columns, 1));
  const int height = std::max(rows, 1) * 4;
  const std::vector<Span> spans = SpansOf(values, 2 * width);
  Span all;
  for (const Span& span : spans) {
    if (!span.any) continue;
    all.Take(span.least);
    all.Take(span.most);
  }
  const double range = all.most - all.least;
  const auto dot_of = [&](double value) {
    const double share = range > 0 ? (all.most - value) / range : 0.5;
    return std::clamp(static_cast<int>(share * (height - 1) + 0.5), 0, height - 1);
  };
  std::vector<std::vector<int>> cells(static_cast<size_t>(height / 4), std::vector<int>(width, 0));
  for (size_t x = 0; x < spans.size(); ++x) {
    if (!spans[x].any) continue;
    for (int y = dot_of(spans[x].most); y <= dot_of(spans[x].least); ++y)
      cells[static_cast<size_t>(y / 4)][x / 2] |= kDots[y % 4][x % 2];
  }
  std::vector<std::string> lines;
  for (const std::vector<int>& row : cells) {
    std::string& line = lines.emplace_back();
    for (const int bits : row) line += all.any ? Utf8OfBraille(bits) : " ";
  }
  return lines;
}

}  // namespace braid::cli
