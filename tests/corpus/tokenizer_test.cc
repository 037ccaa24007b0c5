#include "corpus/tokenizer.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "corpus/bpe_trainer.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char kShared[] = BRAID_SOURCE_DIR "/../shared/data/";

Json Trained() {
  BpeTrainer trainer;
  trainer.Add("the cat and the hat and the bat; a cat, a hat, a bat. the the the");
  return trainer.Train(270).value();
}

TEST(TokenizerTest, EncodesAndDecodes) {
  const auto tokenizer = Tokenizer::Parse(Trained().dump(), "t.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ((*tokenizer)->entries(), 270);
  EXPECT_EQ((*tokenizer)->eos_id(), 0);
  EXPECT_EQ((*tokenizer)->pad_id(), 270);
  EXPECT_EQ((*tokenizer)->vocab(), 271);
  Encoder encoder(*tokenizer);
  std::vector<int32_t> ids;
  const std::string text = "the cat <|endoftext|>\n\xE2\x82\xAC" + std::string(200, 'a') + " the";
  encoder.Encode(text, &ids);
  EXPECT_EQ((*tokenizer)->Decode(ids), text);
  EXPECT_THAT(ids, testing::Contains(0));
  std::vector<int32_t> again;
  encoder.Encode(text, &again);  // from the cache
  EXPECT_EQ(ids, again);
}

// The definition, as slow as can be: merge the pair of lowest rank, the leftmost of them, until
// there is none.
std::vector<int32_t> MergeByDefinition(const Json& json, const std::string& piece) {
  std::vector<std::string> symbols;
  for (const char c : piece) symbols.emplace_back(1, c);
  const Json& merges = json["model"]["merges"];
  while (true) {
    size_t best = merges.size(), at = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      for (size_t rank = 0; rank < best; ++rank) {
        if (merges[rank][0] == symbols[i] && merges[rank][1] == symbols[i + 1]) best = rank, at = i;
      }
    }
    if (best == merges.size()) break;
    symbols[at] += symbols[at + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  std::vector<int32_t> ids;
  for (const std::string& symbol : symbols)
    ids.push_back(json["model"]["vocab"][symbol].get<int32_t>());
  return ids;
}

// Long pieces go through the heap, short ones through the scan; both must merge as defined.
TEST(TokenizerTest, LongAndShortPiecesMergeAsDefined) {
  const Json json = Trained();
  const auto tokenizer = Tokenizer::Parse(json.dump(), "t.json").value();
  Encoder encoder(tokenizer);
  for (const char* unit : {"the", "cat", "thehat", "andthebat", "a"}) {
    for (const int times : {1, 3, 40}) {
      std::string piece;
      for (int i = 0; i < times; ++i) piece += unit;
      std::vector<int32_t> ids;
      encoder.Encode(piece, &ids);
      EXPECT_EQ(ids, MergeByDefinition(json, piece)) << piece;
    }
  }
}

// Pieces of all sizes around the limits of the tables, again and again, so that they take the place
// of one another; and with ids that no longer fit into an entry.
TEST(TokenizerTest, WhateverTheTablesHoldPiecesMergeAsDefined) {
  const Json json = Trained();
  const auto tokenizer = Tokenizer::Parse(json.dump(), "t.json").value();
  Encoder encoder(tokenizer);
  const RandomStream draws(3, "pieces");
  std::vector<std::string> pieces;
  for (size_t size = 1; size < 60; ++size) {
    for (uint64_t i = 0; i < 6; ++i) {
      std::string piece;
      while (piece.size() < size)
        piece += "thecanbd"[draws.Below(1000 * size + 100 * i + piece.size(), 8)];
      pieces.push_back(piece);
    }
  }
  for (int round = 0; round < 3; ++round) {
    for (const std::string& piece : pieces) {
      std::vector<int32_t> ids = {-5};
      encoder.Encode(piece, &ids);
      std::vector<int32_t> expected = MergeByDefinition(json, piece);
      expected.insert(expected.begin(), -5);
      ASSERT_EQ(ids, expected) << piece;
    }
  }
  // More ids than wait at a time, and more pieces than there are places for.
  std::string text;
  std::vector<int32_t> expected, ids;
  for (uint64_t i = 0; i < 400'000; ++i) text += " " + std::to_string(draws.Bits(i) % 300'000);
  encoder.Encode(text, &ids);
  Encoder fresh(tokenizer);
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::min(text.find(' ', at + 1), text.size()) - at;
    fresh.Encode(std::string_view(text).substr(at, size), &expected);
    at += size;
  }
  EXPECT_TRUE(ids == expected);
  EXPECT_EQ(tokenizer->Decode(ids), text);
}

TEST(TokenizerTest, RefusesOtherKindsByField) {
  const auto error = [](auto change) {
    Json json = Trained();
    change(json);
    return Tokenizer::Parse(json.dump(), "t.json").status().message();
  };
  EXPECT_THAT(error([](Json& j) { j["normalizer"] = {{"type", "Lowercase"}}; }),
              HasSubstr("t.json: normalizer: Lowercase is not supported"));
  EXPECT_THAT(error([](Json& j) { j["pre_tokenizer"] = {{"type", "Whitespace"}}; }),
              HasSubstr("pre_tokenizer: Whitespace"));
  EXPECT_THAT(error([](Json& j) { j["model"]["type"] = "WordPiece"; }),
              HasSubstr("model: WordPiece"));
  EXPECT_THAT(error([](Json& j) { j["model"]["merges"].push_back("q\xC3\xA9 z"); }),
              HasSubstr("names an entry that vocab does not have"));
  EXPECT_THAT(error([](Json& j) { j["added_tokens"] = Json::array(); }),
              HasSubstr("has no <|endoftext|>"));
  EXPECT_THAT(Tokenizer::Load("/nowhere/tokenizer.json").status().message(),
              HasSubstr("/nowhere/tokenizer.json"));
}

// Published vectors: texts and the ids that the original tokenizer gives. MPT's is GPT-NeoX's. The
// tokenizers of the other vectors are not among the shared ones.
void ExpectGoldenVectors(const std::string& tokenizer_name, const std::string& vectors) {
  const std::string path = std::string(kShared) + "tokenizers/" + tokenizer_name +
                           "/tokenizer.json";
  const std::string base = std::string(kShared) + "golden_tokenizer/ggml-vocab-" + vectors +
                           ".gguf";
  if (!PathExists(path) || !PathExists(base + ".inp")) GTEST_SKIP() << "no golden vectors here";
  const auto tokenizer = Tokenizer::Load(path).value();
  const std::string input = ReadFile(base + ".inp").value();
  const std::vector<std::string> expected = braid::Split(ReadFile(base + ".out").value(), '\n');
  const std::string separator = "\n__ggml_vocab_test__\n";
  Encoder encoder(tokenizer);
  size_t cases = 0;
  for (size_t begin = 0; begin <= input.size(); ++cases) {
    const size_t end = std::min(input.find(separator, begin), input.size());
    std::vector<int32_t> ids, wanted;
    encoder.Encode(std::string_view(input).substr(begin, end - begin), &ids);
    ASSERT_LT(cases, expected.size());
    for (const std::string& word : braid::Split(Trim(expected[cases]), ' ')) {
      if (!word.empty()) wanted.push_back(static_cast<int32_t>(ParseInt(word).value()));
    }
    EXPECT_EQ(ids, wanted) << input.substr(begin, end - begin);
    begin = end + separator.size();
  }
  EXPECT_EQ(cases, 47u);
}

TEST(TokenizerTest, GoldenVectorsOfGpt2) {
  ExpectGoldenVectors("gpt2", "gpt-2");
}

TEST(TokenizerTest, GoldenVectorsOfMpt) {
  ExpectGoldenVectors("gpt-neox-20b", "mpt");
}

// V of docs/papers/papaformer.md#s2: the entries and the pad, of phase 1 (GPT-2's tokenizer) and of
// phase 2.
TEST(TokenizerTest, PublishedVocabularies) {
  for (const auto& [name, vocab] : {std::pair{"gpt2", 50258}, {"gpt-neox-20b", 50278}}) {
    const std::string path = std::string(kShared) + "tokenizers/" + name + "/tokenizer.json";
    if (!PathExists(path)) GTEST_SKIP() << "no " << path;
    const auto tokenizer = Tokenizer::Load(path).value();
    EXPECT_EQ(tokenizer->vocab(), vocab) << name;
    EXPECT_EQ(tokenizer->pad_id(), vocab - 1) << name;
    if (name != std::string("gpt2")) continue;
    std::vector<int32_t> ids;
    Encoder encoder(tokenizer);
    encoder.Encode("The cat", &ids);
    EXPECT_THAT(ids, ElementsAre(464, 3797));
    ids.clear();
    encoder.Encode("\xF0\xAE\xAF\xB6\xE6\xBC\xA2", &ids);  // U+2EBF6 of Unicode 15.1, U+6F22
    EXPECT_THAT(ids, ElementsAre(172, 106, 107, 35050, 120, 95));
  }
}

}  // namespace
}  // namespace braid::corpus
