#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/excerpt.h"

namespace braid {

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += separator;
    text += parts[i];
  }
  return text;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

int EditDistance(std::string_view a, std::string_view b) {
  // One row of the table of distances is enough, as each entry depends on three neighbours only.
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string NearestWord(std::string_view word, const std::vector<std::string>& words) {
  std::string nearest;
  // Words that differ in more than a third of their letters are rarely a misspelling, and a wrong
  // suggestion misleads more than none.
  int best = std::max<int>(2, static_cast<int>(word.size()) / 3) + 1;
  for (const std::string& candidate : words) {
    const int distance = EditDistance(word, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

namespace {

// std::from_chars does not depend on the locale, unlike strtod, for which "0.5" may end at the
// point.
template <typename T>
Result<T> ParseNumber(std::string_view text, std::string_view kind) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument("\"" + Excerpt(text) + "\" is not " + std::string(kind));
  }
  return value;
}

}  // namespace

Result<int64_t> ParseInt(std::string_view text) {
  return ParseNumber<int64_t>(text, "a whole number");
}
Result<double> ParseDouble(std::string_view text) {
  return ParseNumber<double>(text, "a number");
}

std::string Format(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  // The first pass only measures, and a va_list can be used once.
  va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  std::string text(static_cast<size_t>(size), '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

Result<int64_t> ParseBytes(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"B", 1},        {"", 1},         {"kB", 1e3},     {"MB", 1e6},
      {"GB", 1e9},     {"TB", 1e12},    {"PB", 1e15},    {"KiB", 0x1p10},
      {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"PiB", 0x1p50}};
  const size_t end = std::min(text.size(), text.find_first_not_of("0123456789."));
  const std::string_view unit = Trim(text.substr(end));
  const Result<double> value = ParseDouble(text.substr(0, end));
  for (const auto& [name, bytes] : kUnits) {
    if (value.ok() && unit == name && *value * bytes < 0x1p62)
      return static_cast<int64_t>(*value * bytes);
  }
  return InvalidArgument("\"" + std::string(text) + "\" is no size such as 500GB or 2TiB");
}

std::string FormatBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 5) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? Format("%llu B", static_cast<unsigned long long>(bytes))
                   : Format("%.1f %s", value, kUnits[unit]);
}

std::string FormatCount(double count) {
  if (count >= 1e12) return Format("%.2f T", count / 1e12);
  if (count >= 1e9) return Format("%.2f G", count / 1e9);
  if (count >= 1e6) return Format("%.2f M", count / 1e6);
  if (count >= 1e4) return Format("%.1f k", count / 1e3);
  return Format("%.0f", count);
}

std::string FormatDuration(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  // Above ten seconds fractions only distract.
  if (seconds < 10) return Format("%.1f s", seconds);
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 60) return Format("%lld s", whole);
  if (whole < 3600) return Format("%lld min %02lld s", whole / 60, whole % 60);
  if (whole < 86400) return Format("%lld h %02lld min", whole / 3600, whole / 60 % 60);
  return Format("%lld d %02lld h", whole / 86400, whole / 3600 % 24);
}

std::string FormatUtc(int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return Format("%s.%03dZ", text, static_cast<int>(wall_ms % 1000));
}

std::string FormatDouble(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return error == std::errc() ? std::string(buffer, end) : std::string("nan");
}

std::string Base64Encode(std::string_view data) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < data.size(); i += 3) {
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k)
      word = word << 8 | (i + k < data.size() ? static_cast<unsigned char>(data[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k)
      text += i + k <= data.size() ? kAlphabet[word >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

Result<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0)
    return InvalidArgument("base64 text has a length that is not a multiple of four");
  std::string data;
  uint32_t word = 0;
  int bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+') value = 62;
    if (c == '/') value = 63;
    // Padding stands in the last two places only.
    if (c == '=' && i + 2 >= text.size()) break;
    if (value < 0)
      return InvalidArgument("base64 text has a character that is none of its alphabet");
    word = word << 6 | static_cast<uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      data += static_cast<char>(word >> bits & 0xff);
    }
  }
  return data;
}

}  // namespace braid
