// Which tokenizer suits somebody's text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace braid::submit {

// A tokenizer.json that is there already.
struct FoundTokenizer {
  std::string path;
  int64_t entries = 0;
};

// The tokenizer.json files in a folder and in the folders within it, sorted by path, each as
// `folder`/... ; those that cannot be read or have no vocabulary are left out.
std::vector<FoundTokenizer> FindTokenizers(const std::string& folder);

// In sentences: of which size one is trained for a text of about `tokens` tokens, and why, and
// whether one of `found` would rather be taken. `entries` is the size that was chosen.
std::string TokenizerAdvice(int64_t tokens, int64_t entries,
                            const std::vector<FoundTokenizer>& found);

}  // namespace braid::submit
