#include "corpus/bpe_trainer.h"

#include <atomic>
#include <map>
#include <vector>

#include "base/parallel.h"
#include "base/text.h"
#include "base/utf8.h"
#include "corpus/bpe_merger.h"
#include "corpus/piece_counts.h"
#include "corpus/pretokenizer.h"

namespace braid::corpus {
namespace {

constexpr char kEndOfText[] = "<|endoftext|>";

Json TokenizerJson(const std::vector<std::string>& tokens, const std::vector<IdPair>& merges) {
  Json vocab = Json::object();
  for (size_t id = 0; id < tokens.size(); ++id) vocab[tokens[id]] = id;
  Json pairs = Json::array();
  for (const IdPair& pair : merges) {
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

void AddTo(PieceCounts* pieces, std::string_view text) {
  std::string repaired;
  if (!IsUtf8(text)) text = repaired = RepairUtf8(text);
  pieces->AddText(text);
}

}  // namespace

BpeTrainer::BpeTrainer(size_t threads) {
  for (size_t i = 0; i < threads; ++i) pieces_.push_back(std::make_unique<PieceCounts>());
}
BpeTrainer::~BpeTrainer() = default;

void BpeTrainer::Add(std::string_view text) {
  AddTo(pieces_.front().get(), text);
}

void BpeTrainer::Add(const std::vector<std::string>& documents) {
  // Each thread counts for itself. The sums, and with them the tokenizer, do not depend on who
  // counted which document.
  std::atomic<size_t> next{0};
  RunOnThreads(pieces_.size(), [&](size_t thread) {
    for (size_t i; (i = next.fetch_add(1)) < documents.size();)
      AddTo(pieces_[thread].get(), documents[i]);
  });
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
  PieceCounts all;
  const PieceCounts* pieces = pieces_.front().get();
  if (pieces_.size() > 1) {
    for (const auto& part : pieces_) all.Add(*part);
    pieces = &all;
  }
  BpeMerger merger(*pieces, byte_ids, std::move(tokens));
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
