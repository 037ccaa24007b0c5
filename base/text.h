// Functions on text: joining, splitting, spelling suggestions, and numbers in the form that people
// read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid {

// The parts in their order with `separator` between them.
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
// The parts between separators: "a,,b" at ',' gives {"a", "", "b"}, and an empty text gives {""}.
std::vector<std::string> Split(std::string_view text, char separator);

// The text without ASCII white space at both ends. The result points into `text`.
std::string_view Trim(std::string_view text);

// The Levenshtein distance in bytes: the least number of insertions, deletions and substitutions
// that turn `a` into `b`.
int EditDistance(std::string_view a, std::string_view b);
// The word of `words` with the least distance to `word`, for "did you mean"; empty if even that one
// differs in more than a third of `word` (or two characters of a short one).
std::string NearestWord(std::string_view word, const std::vector<std::string>& words);

// Parse the whole text as a number; anything else is kInvalidArgument and quotes the text.
// ParseDouble takes "inf" and "nan" too.
Result<int64_t> ParseInt(std::string_view text);
Result<double> ParseDouble(std::string_view text);
// A size as people write it, in bytes: "500GB", "1.5 TiB", or a number of bytes without a unit.
// Units are B, kB to PB (powers of 1000) and KiB to PiB (powers of 1024). kInvalidArgument for
// anything else, a negative number, and 2^62 bytes or more.
Result<int64_t> ParseBytes(std::string_view text);

// Sizes, counts, durations and times for people: FormatBytes "1.2 MiB", FormatCount "13.6 M"
// (decimal units), FormatDuration "3.4 s" or "1 h 02 min", FormatUtc "2026-03-01T12:00:00.123Z"
// (from ms since 1970). Their text is not meant to be parsed.
std::string FormatBytes(uint64_t bytes);
std::string FormatCount(double count);
std::string FormatDuration(double seconds);
std::string FormatUtc(int64_t wall_ms);
// The shortest decimal text that reads back as the same double; independent of the locale.
std::string FormatDouble(double value);
// The result of printf as a string.
std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Base64 of RFC 4648 with padding. Decoding refuses other alphabets and lengths: kInvalidArgument.
std::string Base64Encode(std::string_view data);
Result<std::string> Base64Decode(std::string_view text);

}  // namespace braid
