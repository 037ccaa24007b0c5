// What a tokenizer.json says, in the form that encoding wants it. Internal to corpus/.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "corpus/added_tokens.h"
#include "corpus/merge_table.h"
#include "corpus/tokenizer.h"

namespace braid::corpus {

// The added token that ends every document.
inline constexpr char kDocumentEnd[] = "<|endoftext|>";

struct Tokenizer::Rules {
  std::string digest;
  bool nfc = false;
  int64_t entries = 0;
  int32_t eos_id = 0;
  std::array<int32_t, 256> byte_ids{};  // -1: the vocabulary lacks this byte
  MergeTable merges;
  std::vector<std::string> bytes;                  // of each id
  std::unordered_map<std::string, int32_t> whole;  // bytes -> id, if pieces that are entries skip
                                                   // the merges
  AddedTokens raw_tokens;                          // matched on the raw text
  AddedTokens normalized_tokens;                   // matched after normalisation
};

}  // namespace braid::corpus
