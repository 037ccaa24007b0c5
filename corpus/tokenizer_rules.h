// The content of a tokenizer.json in the form that encoding needs. Internal to corpus/.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "corpus/added_tokens.h"
#include "corpus/merge_table.h"
#include "corpus/normalizer.h"
#include "corpus/piece_cutter.h"
#include "corpus/tokenizer.h"

namespace braid::corpus {

// The added token that ends every document, unless another one is named.
inline constexpr char kDocumentEnd[] = "<|endoftext|>";
// The flag of an added token by which a file that braid wrote names another one. The `tokenizers`
// package reads over it.
inline constexpr char kEndOfTextFlag[] = "end_of_text";

// The symbols of a vocabulary of characters. Characters without an entry are bytes.
class CharacterIds {
 public:
  void Put(uint32_t code_point, int32_t id) {
    if (code_point >= kDirect) {
      distant_[code_point] = id;
      return;
    }
    if (direct_.empty()) direct_.assign(kDirect, -1);
    direct_[code_point] = id;
  }
  // -1 if there is none.
  int32_t Of(uint32_t code_point) const {
    if (code_point < direct_.size()) return direct_[code_point];
    const auto found = distant_.find(code_point);
    return found == distant_.end() ? -1 : found->second;
  }

 private:
  static constexpr uint32_t kDirect = 0x10000;
  std::vector<int32_t> direct_;
  std::unordered_map<uint32_t, int32_t> distant_;
};

// An added token as its file describes it.
struct TokenEntry {
  std::string content;
  // What is searched for: the content, normalized if the token is.
  std::string searched;
  int32_t id = 0;
  bool special = false;
  bool normalized = false;
};

// Immutable after loading.
struct Tokenizer::Rules {
  std::string digest;
  Normalizer normalizer;
  PieceCutter cutter;
  // Whether entries are written in characters, with kSpaceMark for a space, and byte_ids are those
  // of <0x00> .. <0xFF> (SentencePiece); otherwise they are bytes in GPT-2's notation.
  bool of_characters = false;
  CharacterIds characters;
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
  // The tokens of both.
  std::vector<TokenEntry> added;
};

}  // namespace braid::corpus
