// Text utilities: joining, splitting, spelling suggestions, and numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid {

std::string Join(const std::vector<std::string>& parts, std::string_view separator);
// "a,,b" at ',' is {"a", "", "b"}; an empty text is {""}.
std::vector<std::string> Split(std::string_view text, char separator);
std::string_view Trim(std::string_view text);

// Number of single-character insertions, deletions and substitutions between the two.
int EditDistance(std::string_view a, std::string_view b);
// The word of `words` that a person most likely meant by `word`; empty if none is near.
std::string NearestWord(std::string_view word, const std::vector<std::string>& words);

// The whole text as a number, or an error that quotes it.
Result<int64_t> ParseInt(std::string_view text);
Result<double> ParseDouble(std::string_view text);

std::string FormatBytes(uint64_t bytes);     // "1.2 MiB"
std::string FormatCount(double count);       // "13.6 M"
std::string FormatDuration(double seconds);  // "1 h 02 min", "3.4 s"
std::string FormatUtc(int64_t wall_ms);      // "2026-03-01T12:00:00.123Z"
// Shortest decimal text that reads back as the same double.
std::string FormatDouble(double value);
// printf with a string result, for tables.
std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));

std::string Base64Encode(std::string_view data);
Result<std::string> Base64Decode(std::string_view text);

}  // namespace braid
