#include "corpus/bpe_trainer.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <vector>

#include "base/text.h"
#include "corpus/pretokenizer.h"

namespace braid::corpus {
namespace {

constexpr char kEndOfText[] = "<|endoftext|>";

using Pair = std::pair<int32_t, int32_t>;
struct PairHash {
  size_t operator()(const Pair& pair) const {
    return (static_cast<uint64_t>(static_cast<uint32_t>(pair.first)) << 32 |
            static_cast<uint32_t>(pair.second)) *
               0x9E3779B97F4A7C15u >>
           13;
  }
};

struct Word {
  std::vector<int32_t> symbols;
  int64_t count = 0;
};

// A pair with the count that it had when it was put on the heap. Equal counts are ordered by ids,
// so that the result does not depend on the order of hash tables.
struct Candidate {
  Pair pair;
  int64_t count;
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

// The state of a training: the pieces as lists of symbols, how often each pair occurs, and in which
// pieces. A merge visits only the pieces that contain its pair.
class Merger {
 public:
  Merger(std::vector<Word> words, std::vector<std::string> tokens)
      : words_(std::move(words)), tokens_(std::move(tokens)) {
    for (size_t i = 0; i < tokens_.size(); ++i) ids_[tokens_[i]] = static_cast<int32_t>(i);
    for (size_t w = 0; w < words_.size(); ++w) {
      const std::vector<int32_t>& s = words_[w].symbols;
      for (size_t i = 0; i + 1 < s.size(); ++i) {
        pair_counts_[{s[i], s[i + 1]}] += words_[w].count;
        where_[{s[i], s[i + 1]}].insert(static_cast<int32_t>(w));
      }
    }
    for (const auto& [pair, count] : pair_counts_) heap_.push({pair, count});
  }

  // One merge. False when no pair is left.
  bool Step() {
    while (!heap_.empty()) {
      const Candidate top = heap_.top();
      heap_.pop();
      const int64_t count = pair_counts_[top.pair];
      // The count is out of date, since other merges took some of the pair's places. It goes back
      // with the present one; only counts that grew are pushed at once.
      if (count != top.count) {
        heap_.push({top.pair, count});
        continue;
      }
      if (count < 1) return false;
      Apply(top.pair);
      return true;
    }
    return false;
  }

  const std::vector<std::string>& tokens() const { return tokens_; }
  const std::vector<Pair>& merges() const { return merges_; }

 private:
  void Apply(const Pair& pair) {
    const std::string text = tokens_[static_cast<size_t>(pair.first)] +
                             tokens_[static_cast<size_t>(pair.second)];
    // Two sequences of merges may lead to the same text. The merge is recorded, but there is no new
    // entry.
    const auto [entry, fresh] = ids_.emplace(text, static_cast<int32_t>(tokens_.size()));
    if (fresh) tokens_.push_back(text);
    merges_.push_back(pair);
    std::set<Pair> grown;
    const std::set<int32_t> places = std::move(where_[pair]);
    where_.erase(pair);
    for (const int32_t w : places) MergeIn(w, pair, entry->second, &grown);
    for (const Pair& changed : grown) {
      if (const int64_t count = pair_counts_[changed]; count > 0) heap_.push({changed, count});
    }
  }

  void MergeIn(int32_t w, const Pair& pair, int32_t id, std::set<Pair>* grown) {
    Word& word = words_[static_cast<size_t>(w)];
    std::vector<int32_t>& s = word.symbols;
    const auto lose = [&](const Pair& lost) { pair_counts_[lost] -= word.count; };
    const auto gain = [&](const Pair& gained) {
      pair_counts_[gained] += word.count;
      where_[gained].insert(w);
      grown->insert(gained);
    };
    for (size_t i = 0; i + 1 < s.size(); ++i) {
      if (s[i] != pair.first || s[i + 1] != pair.second) continue;
      if (i > 0) {
        lose({s[i - 1], pair.first});
        gain({s[i - 1], id});
      }
      s[i] = id;
      s.erase(s.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      if (i + 1 < s.size()) {
        lose({pair.second, s[i + 1]});
        gain({id, s[i + 1]});
      }
    }
  }

  std::vector<Word> words_;
  std::vector<std::string> tokens_;
  std::vector<Pair> merges_;
  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<Pair, int64_t, PairHash> pair_counts_;
  std::unordered_map<Pair, std::set<int32_t>, PairHash> where_;
  std::priority_queue<Candidate> heap_;
};

Json TokenizerJson(const std::vector<std::string>& tokens, const std::vector<Pair>& merges) {
  Json vocab = Json::object();
  for (size_t id = 0; id < tokens.size(); ++id) vocab[tokens[id]] = id;
  Json pairs = Json::array();
  for (const Pair& pair : merges) {
    pairs.push_back(
        {tokens[static_cast<size_t>(pair.first)], tokens[static_cast<size_t>(pair.second)]});
  }
  // The fields that the tokenizers package writes for a byte-level BPE, so that it reads the file
  // as its own.
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", true},
                           {"use_regex", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens",
           {{{"id", 0},
             {"content", kEndOfText},
             {"single_word", false},
             {"lstrip", false},
             {"rstrip", false},
             {"normalized", false},
             {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocab},
            {"merges", pairs}}}};
}

}  // namespace

void BpeTrainer::Add(std::string_view text) {
  std::string repaired;
  if (!IsUtf8(text)) text = repaired = RepairUtf8(text);
  while (!text.empty()) {
    const size_t length = FirstPiece(text);
    ++counts_[std::string(text.substr(0, length))];
    text.remove_prefix(length);
  }
}

void BpeTrainer::Add(const BpeTrainer& other) {
  for (const auto& [piece, count] : other.counts_) counts_[piece] += count;
}

Result<Json> BpeTrainer::Train(int64_t entries) const {
  if (entries < 258)
    return InvalidArgument(Format(
        "vocab: %lld is too small; <|endoftext|> and the 256 bytes take 257", (long long)entries));
  // The bytes in the order of the characters that stand for them, as `tokenizers` numbers them.
  std::map<uint32_t, std::string> alphabet;
  std::array<int32_t, 256> byte_ids{};
  for (const std::string& character : ByteCharacters()) {
    size_t length = 0;
    alphabet[DecodeCodePoint(character, &length)] = character;
  }
  std::vector<std::string> tokens = {kEndOfText};
  for (const auto& [code_point, character] : alphabet) {
    byte_ids[static_cast<size_t>(ByteOfCharacter(code_point))] = static_cast<int32_t>(
        tokens.size());
    tokens.push_back(character);
  }
  std::vector<Word> words;
  words.reserve(counts_.size());
  for (const auto& [piece, count] : counts_) {
    Word word{{}, count};
    for (const char c : piece) word.symbols.push_back(byte_ids[static_cast<unsigned char>(c)]);
    words.push_back(std::move(word));
  }
  Merger merger(std::move(words), std::move(tokens));
  while (static_cast<int64_t>(merger.tokens().size()) < entries) {
    if (!merger.Step()) {
      return InvalidArgument(
          Format("vocab: the text gives only %zu entries, not %lld; lower vocab or give more text",
                 merger.tokens().size(), (long long)entries));
    }
  }
  return TokenizerJson(merger.tokens(), merger.merges());
}

}  // namespace braid::corpus
