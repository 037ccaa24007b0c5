// The minimal pairs of BLiMP as published: one file `<paradigm>.jsonl` for each of 67 paradigms,
// 1000 rows each, with the fields `sentence_good` and `sentence_bad`; others are not looked at, and
// blank lines are passed over. Files may be compressed (.gz, .zst), be links, and stand in
// sub-folders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::trainer {

struct Paradigm {
  struct Pair {
    std::string good;
    std::string bad;
  };
  std::string name;
  std::vector<Pair> pairs;
};

// All paradigms below `folder`, in order of name; of each the first `pairs` (0: all). A folder
// without any, two files of one paradigm, an empty file, and a row without one of the fields are
// kInvalidArgument, with file and line.
Result<std::vector<Paradigm>> ReadBlimp(const std::string& folder, int64_t pairs);

}  // namespace braid::trainer
