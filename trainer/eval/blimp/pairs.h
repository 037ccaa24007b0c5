// The minimal pairs of BLiMP in their published form: a file `<paradigm>.jsonl` for each of 67
// paradigms, with 1,000 rows that have the fields `sentence_good` and `sentence_bad`. Other fields
// and blank lines are ignored. Files may be compressed (.gz, .zst), be symbolic links, and be in
// sub-folders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::trainer {

// A file of pairs: the same grammatical contrast in many sentences.
struct Paradigm {
  // Two sentences that differ in one point of grammar, of which `good` is grammatical.
  struct Pair {
    std::string good;
    std::string bad;
  };
  std::string name;
  std::vector<Pair> pairs;
};

// Reads all paradigms below `folder`, sorted by name, and of each the first `pairs` pairs (0: all).
// kInvalidArgument, with file and line, for a folder without paradigms, two files of one paradigm,
// an empty file, or a row that lacks a field.
Result<std::vector<Paradigm>> ReadBlimp(const std::string& folder, int64_t pairs);

}  // namespace braid::trainer
