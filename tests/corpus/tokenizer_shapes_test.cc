// The shapes of current tokenizers: what is put in front, cut and replaced, on small vocabularies.
// tests/peers/tokenizer_shapes_test.py compares ids with the `tokenizers` package.
#include <gmock/gmock.h>

#include "base/json.h"
#include "base/text.h"
#include "corpus/bpe_trainer.h"
#include "corpus/piece_cutter.h"
#include "corpus/tokenizer.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kMark(kSpaceMark);

Json Added(const std::string& content, int id) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

// As Llama 2 is published: control tokens, 256 bytes, entries of characters.
Json SentencePiece() {
  Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (int b = 0; b < 256; ++b) vocab[Format("<0x%02X>", b)] = 3 + b;
  Json merges = Json::array();
  int next = 259;
  for (const std::string& entry : {kMark, std::string("h"), std::string("i"), std::string("!")})
    vocab[entry] = next++;
  const auto merge = [&](const std::string& a, const std::string& b) {
    merges.push_back({a, b});
    vocab[a + b] = next++;
  };
  merge("h", "i");      // 263
  merge(kMark, "hi");   // 264
  merge(kMark, kMark);  // 265
  const Json mark = {{"type", "Prepend"}, {"prepend", kMark}},
             spaces = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kMark}};
  return {{"normalizer", {{"type", "Sequence"}, {"normalizers", {mark, spaces}}}},
          {"pre_tokenizer", nullptr},
          {"added_tokens", {Added("<unk>", 0), Added("<s>", 1), Added("</s>", 2)}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"vocab", vocab},
            {"merges", merges}}}};
}

std::shared_ptr<const Tokenizer> Parsed(const Json& json, const std::string& end = "</s>") {
  const Result<std::string> text = WithEndOfText(json.dump(), end, "t.json");
  EXPECT_TRUE(text.ok()) << text.status().message();
  auto tokenizer = Tokenizer::Parse(text.ok() ? *text : "", "t.json");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

std::vector<int32_t> Ids(const Json& json, const std::string& text,
                         const std::string& end = "</s>") {
  std::vector<int32_t> ids;
  if (const auto tokenizer = Parsed(json, end)) Encoder(tokenizer).Encode(text, &ids);
  return ids;
}

TEST(TokenizerShapesTest, SentencePieceHasASpaceInFrontAndBytesForWhatHasNoEntry) {
  EXPECT_THAT(Ids(SentencePiece(), "hi hi"), ElementsAre(264, 264));
  EXPECT_THAT(Ids(SentencePiece(), " hi"), ElementsAre(259, 264));
  EXPECT_THAT(Ids(SentencePiece(), "!\n\xC3\xA9"),
              ElementsAre(259, 262, 3 + 0x0A, 3 + 0xC3, 3 + 0xA9));
  // What stands behind an added token is a text of its own.
  EXPECT_THAT(Ids(SentencePiece(), "hi</s>hi"), ElementsAre(264, 2, 264));
  EXPECT_THAT(Ids(SentencePiece(), ""), ElementsAre());
}

// Whole words are merged one by one only where no merge reaches from one into the next.
TEST(TokenizerShapesTest, MergesMayReachOverWords) {
  Json json = SentencePiece();
  json["model"]["vocab"]["i" + kMark] = 266;
  json["model"]["merges"].insert(json["model"]["merges"].begin(), Json({"i", kMark}));
  EXPECT_THAT(Ids(json, "hi hi"), ElementsAre(259, 260, 266, 263));
}

TEST(TokenizerShapesTest, LongTextWithoutWordsIsMergedToo) {
  std::string text = "hi";
  for (int i = 0; i < 100; ++i) text += "hi";
  std::vector<int32_t> expected(100, 263);
  expected.insert(expected.begin(), 264);
  EXPECT_EQ(Ids(SentencePiece(), text), expected);
}

TEST(TokenizerShapesTest, DecodingGivesTheTextAgain) {
  const auto tokenizer = Parsed(SentencePiece());
  std::vector<int32_t> ids;
  Encoder(tokenizer).Encode("hi hi!\n\xC3\xA9  hi", &ids);
  EXPECT_EQ(tokenizer->DecodeDocument(ids), "hi hi!\n\xC3\xA9  hi");
  EXPECT_EQ(tokenizer->Decode(ids), " hi hi!\n\xC3\xA9  hi");
  EXPECT_EQ(tokenizer->Bytes(3 + 0x0A), "\n");
}

TEST(TokenizerShapesTest, MetaspaceIsTheSameInOneStep) {
  Json json = SentencePiece();
  json["normalizer"] = nullptr;
  for (const char* scheme : {"first", "always"}) {
    json["pre_tokenizer"] = {{"type", "Metaspace"},
                             {"replacement", kMark},
                             {"prepend_scheme", scheme},
                             {"split", false}};
    EXPECT_THAT(Ids(json, "hi hi"), ElementsAre(264, 264)) << scheme;
    EXPECT_THAT(Ids(json, " hi"), ElementsAre(264)) << scheme;
    const bool first = std::string(scheme) == "first";
    EXPECT_THAT(Ids(json, "hi</s>hi"), ElementsAre(264, 2, first ? 263 : 264)) << scheme;
    // Cut before each mark, a run of spaces is not merged.
    json["pre_tokenizer"]["split"] = true;
    EXPECT_THAT(Ids(json, "hi   hi"), ElementsAre(264, 259, 259, 264)) << scheme;
  }
  json["pre_tokenizer"]["prepend_scheme"] = "never";
  EXPECT_THAT(Ids(json, "hi hi"), ElementsAre(263, 264));
}

Json ByteLevel(const std::vector<Json>& before, bool regex, bool space = false) {
  BpeTrainer trainer;
  trainer.Add("in 1234 the 12 34 the cat's 12");
  Json json = trainer.Train(264).value();
  std::vector<Json> steps = before;
  steps.push_back({{"type", "ByteLevel"}, {"add_prefix_space", space}, {"use_regex", regex}});
  json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", steps}};
  return json;
}

std::vector<std::string> Tokens(const Json& json, const std::string& text) {
  const auto tokenizer = Parsed(json, "<|endoftext|>");
  std::vector<int32_t> ids;
  Encoder(tokenizer).Encode(text, &ids);
  std::vector<std::string> tokens;
  for (const int32_t id : ids) tokens.emplace_back(tokenizer->Bytes(id));
  return tokens;
}

TEST(TokenizerShapesTest, DigitsAreCutOneByOne) {
  const auto digits = [](bool individual) {
    return ByteLevel({{{"type", "Digits"}, {"individual_digits", individual}}}, true);
  };
  EXPECT_THAT(Tokens(digits(true), "the 12"), ElementsAre("the", " ", "1", "2"));
  EXPECT_THAT(Tokens(digits(false), "the 12"), ElementsAre("the", " ", "12"));
}

TEST(TokenizerShapesTest, EveryBehaviorOfASplit) {
  const auto split = [](const char* behavior, bool invert) {
    return ByteLevel({{{"type", "Split"},
                       {"pattern", {{"String", "1"}}},
                       {"behavior", behavior},
                       {"invert", invert}}},
                     false);
  };
  EXPECT_THAT(Tokens(split("Isolated", false), "121"), ElementsAre("1", "2", "1"));
  EXPECT_THAT(Tokens(split("Removed", false), "121"), ElementsAre("2"));
  EXPECT_THAT(Tokens(split("Removed", true), "121"), ElementsAre("1", "1"));
  EXPECT_THAT(Tokens(split("MergedWithNext", false), "121"), ElementsAre("12", "1"));
  EXPECT_THAT(Tokens(split("MergedWithPrevious", false), "312"), ElementsAre("3", "1", "2"));
  EXPECT_THAT(Tokens(split("Contiguous", false), "112"), ElementsAre("1", "1", "2"));
}

TEST(TokenizerShapesTest, ASpaceIsPutInFront) {
  EXPECT_EQ(Tokens(ByteLevel({}, true, true), "the"), Tokens(ByteLevel({}, true), " the"));
  EXPECT_EQ(Tokens(ByteLevel({}, true, true), " the"), Tokens(ByteLevel({}, true), " the"));
}

TEST(TokenizerShapesTest, TheEndOfTextIsNamed) {
  const std::string plain = SentencePiece().dump();
  EXPECT_EQ(Parsed(SentencePiece())->eos_id(), 2);
  EXPECT_EQ(Parsed(SentencePiece(), "<s>")->eos_id(), 1);
  EXPECT_THAT(Tokenizer::Parse(plain, "t.json").status().message(),
              HasSubstr("t.json: added_tokens has no <|endoftext|>; braid ends every document with "
                        "a token: tokenizer.end_of_text names one of this file, which has "
                        "\"</s>\", \"<unk>\", \"<s>\""));
  EXPECT_THAT(WithEndOfText(plain, "<end>", "t.json").status().message(),
              HasSubstr("t.json: added_tokens has no <end>; "));
  // A mark is kept, moved, and made once; the file's own end needs none.
  const std::string marked = WithEndOfText(plain, "</s>", "t.json").value();
  EXPECT_EQ(WithEndOfText(marked, "</s>", "t.json").value(), marked);
  const std::string moved = WithEndOfText(marked, "<s>", "t.json").value();
  EXPECT_EQ((*Tokenizer::Parse(moved, "t.json"))->eos_id(), 1);
  Json own = SentencePiece();
  own["added_tokens"].push_back(Added("<|endoftext|>", 266));
  EXPECT_EQ(WithEndOfText(own.dump(), "<|endoftext|>", "t.json").value(), own.dump());
  EXPECT_EQ(Parsed(own, "</s>")->eos_id(), 2);
  Json wrong = SentencePiece();
  wrong["added_tokens"][2]["end_of_text"] = "yes";
  EXPECT_THAT(Tokenizer::Parse(wrong.dump(), "t.json").status().message(),
              HasSubstr("t.json: added_tokens.2.end_of_text: expected true or false"));
}

TEST(TokenizerShapesTest, WhatWouldGiveOtherIdsIsNamed) {
  const std::pair<std::function<void(Json&)>, const char*> cases[] = {
      {[](Json& j) { j["model"]["byte_fallback"] = false; },
       "t.json: pre_tokenizer: null without ByteLevel, and without model.byte_fallback, is not"},
      {[](Json& j) { j["model"]["vocab"].erase("<0x0B>"); },
       "t.json: model.byte_fallback: true where vocab has no entry <0x0B>"},
      {[](Json& j) { j["normalizer"] = {{"type", "Strip"}}; }, "t.json: normalizer: Strip"},
      {[](Json& j) { j["normalizer"] = {{"type", "Replace"}, {"content", ""}}; },
       "t.json: normalizer.pattern: expected an object"},
      {[](Json& j) {
         j["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", "\\bx"}}}, {"content", ""}};
       },
       "t.json: normalizer.pattern: {\"Regex\":\"\\\\bx\"} (\\b in it) is not supported"},
      {[](Json& j) { j["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "_"}}; },
       "t.json: pre_tokenizer.replacement: \"_\""},
      {[](Json& j) { j["pre_tokenizer"] = {{"type", "Metaspace"}, {"prepend_scheme", "last"}}; },
       "t.json: pre_tokenizer.prepend_scheme: last"},
      {[](Json& j) { j["pre_tokenizer"] = {{"type", "Whitespace"}}; },
       "t.json: pre_tokenizer: Whitespace"}};
  for (const auto& [change, message] : cases) {
    Json json = SentencePiece();
    change(json);
    EXPECT_THAT(Tokenizer::Parse(json.dump(), "t.json").status().message(), HasSubstr(message));
  }
}

}  // namespace
}  // namespace braid::corpus
