// The content of a tokenizer.json in the form that encoding needs. Internal to corpus/.
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

// Immutable after loading.
struct Tokenizer::Rules {
  std::string digest;
  // Whether text is normalized to NFC first.
  bool nfc = false;
  int64_t entries = 0;
  int32_t eos_id = 0;
  // The id of each byte; -1 if the vocabulary does not have it.
  std::array<int32_t, 256> byte_ids{};
  MergeTable merges;
  // The merges of bytes: that of the bytes a and b, by their ids, is at 256 a + b.
  std::vector<MergeTable::Merge> byte_merges;
  // The bytes of each id.
  std::vector<std::string> bytes;
  // With `ignore_merges`: the ids by bytes; a piece that is an entry is not merged. Otherwise
  // empty.
  std::unordered_map<std::string, int32_t> whole;
  // Searched for in the text before normalization.
  AddedTokens raw_tokens;
  // Searched for after normalization.
  AddedTokens normalized_tokens;
};

}  // namespace braid::corpus
