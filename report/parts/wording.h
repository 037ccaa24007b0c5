// Words and limits that parts of the report share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace braid::report {

// The title of rows that are not published ones.
inline constexpr char kThisRun[] = "this run";
// How a sentence that judges begins: of one training, and no more (report/claims/finding.h).
inline constexpr char kInThisTraining[] = "In this one training ";
// More comparisons than these are a table, not sentences.
inline constexpr size_t kMaxSentences = 12;

// 2'000'000 -> "2.00 M"; 0 or less, which is not known: "-".
std::string KnownCount(int64_t count);

}  // namespace braid::report
