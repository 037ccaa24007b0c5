// What a tokenizer.json says, in the form that encoding wants it. Internal to corpus/.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "corpus/tokenizer.h"

namespace braid::corpus {

// A token that is found in the text as it stands, before any splitting.
struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool special = false;
};

struct Tokenizer::Rules {
  struct Merge {
    int32_t rank;
    int32_t id;
  };
  std::string digest;
  bool nfc = false;
  int64_t entries = 0;
  int32_t eos_id = 0;
  std::array<int32_t, 256> byte_ids{};                // -1: the vocabulary lacks this byte
  std::unordered_map<uint64_t, Merge> merges;         // key: left id << 32 | right id
  std::vector<std::string> bytes;                     // of each id
  std::unordered_map<std::string, int32_t> whole;     // bytes -> id, if pieces that are entries skip the merges
  std::vector<AddedToken> raw_tokens;                 // matched on the raw text
  std::vector<AddedToken> normalized_tokens;          // matched after normalisation

  static uint64_t Key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
};

}  // namespace braid::corpus
