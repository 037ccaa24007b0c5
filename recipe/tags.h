// Tags: words that people give to runs, to find them again.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace braid::recipe {

// Of one run.
inline constexpr size_t kMostTags = 32;
// In bytes.
inline constexpr size_t kLongestTag = 64;

// Whether all of these can be tags, in any order: UTF-8 of 1 to kLongestTag bytes without
// commas and without characters that control or cannot be seen, with no space at either end and no
// minus at the beginning; at most kMostTags. kInvalidArgument
// names the first that cannot.
Status CheckTags(const std::vector<std::string>& tags);

// The tags without those of `remove` and with those of `add`, sorted, each once; what is in both is
// there. kInvalidArgument as of CheckTags, for each of the three lists and for what they become.
Result<std::vector<std::string>> ChangedTags(const std::vector<std::string>& tags,
                                             const std::vector<std::string>& add,
                                             const std::vector<std::string>& remove);

}  // namespace braid::recipe
