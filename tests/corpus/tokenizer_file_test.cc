// tokenizer.json in its many spellings: the ids of `tokenizers`, or an error that names the field.
#include <gmock/gmock.h>

#include <set>

#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "corpus/bpe_trainer.h"
#include "corpus/pretokenizer.h"
#include "corpus/tokenizer.h"
#include "tests/base/mutations.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kPattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr char kText[] = "the cat's  hat, <|mark|> 12 b\xC3\xA1t\n\n a";

Json Plain() {
  BpeTrainer trainer;
  trainer.Add("the cat and the hat and the bat; a cat, a hat, a bat. the the the");
  return trainer.Train(270).value();
}

using Change = std::function<void(Json&)>;

std::vector<int32_t> Ids(const Change& change, const std::string& text = kText) {
  Json json = Plain();
  change(json);
  const auto tokenizer = Tokenizer::Parse(json.dump(), "t.json");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  std::vector<int32_t> ids;
  if (tokenizer.ok()) Encoder(*tokenizer).Encode(text, &ids);
  return ids;
}

std::string Refusal(const Change& change) {
  Json json = Plain();
  change(json);
  return Tokenizer::Parse(json.dump(), "t.json").status().message();
}

std::vector<int32_t> PlainIds(const std::string& text = kText) {
  return Ids([](Json&) {}, text);
}

Json Split(const std::string& behavior, bool invert, const std::string& pattern = kPattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", behavior},
          {"invert", invert}};
}
Json ByteLevel(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}
Json Sequence(const std::vector<Json>& steps) {
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

Json Added(const std::string& content, const Json& id, bool normalized = false) {
  return {{"id", id},        {"content", content},       {"single_word", false},  {"lstrip", false},
          {"rstrip", false}, {"normalized", normalized}, {"special", !normalized}};
}

TEST(TokenizerFileTest, SpellingsOfOneMeaningGiveTheSameIds) {
  const std::vector<int32_t> plain = PlainIds();
  const Change spellings[] = {
      [](Json& j) { j["model"].erase("type"); },
      [](Json& j) {
        for (const char* field :
             {"dropout", "unk_token", "fuse_unk", "byte_fallback", "ignore_merges"})
          j["model"].erase(field);
      },
      [](Json& j) {
        j["model"]["continuing_subword_prefix"] = j["model"]["end_of_word_suffix"] = "";
      },
      [](Json& j) { j["model"]["dropout"] = 0.0; },
      [](Json& j) { j["model"]["unk_token"] = "<|endoftext|>"; },  // every byte has an entry
      [](Json& j) { j["model"]["byte_fallback"] = true; },
      [](Json& j) { j["pre_tokenizer"].erase("use_regex"); },
      [](Json& j) {
        for (const char* field :
             {"normalizer", "post_processor", "truncation", "padding", "decoder", "version"})
          j.erase(field);
      },
      [](Json& j) { j["pre_tokenizer"] = Sequence({ByteLevel(true)}); },
      [](Json& j) { j["pre_tokenizer"] = Sequence({Split("Isolated", false), ByteLevel(false)}); },
      [](Json& j) {
        j["pre_tokenizer"] = Sequence({Sequence({Split("Removed", true)}), ByteLevel(true)});
      },
      [](Json& j) {
        j["pre_tokenizer"] = Sequence(
            {Split(
                 "Isolated", true,
                 "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"),
             ByteLevel(false)});
      },
      [](Json& j) { j["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array()}}; },
      [](Json& j) {
        j["post_processor"] = {
            {"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}};
      },
      [](Json& j) {
        j["post_processor"] = {{"type", "TemplateProcessing"},
                               {"single", {{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}}};
      },
      // What it puts around a text is not a part of documents.
      [](Json& j) {
        const Json text = {{"Sequence", {{"id", "A"}}}},
                   end = {{"SpecialToken", {{"id", "<|endoftext|>"}}}};
        j["post_processor"] = {{"type", "TemplateProcessing"}, {"single", {end, text, end}}};
      },
      [](Json& j) {
        j["padding"] = {{"strategy", "BatchLongest"}, {"pad_to_multiple_of", nullptr}};
      },
      [](Json& j) {
        Json merges = {"#version: 0.2"};
        for (const Json& pair : j["model"]["merges"])
          merges.push_back(pair[0].get<std::string>() + " " + pair[1].get<std::string>());
        j["model"]["merges"] = merges;
      }};
  for (size_t i = 0; i < std::size(spellings); ++i)
    EXPECT_EQ(Ids(spellings[i]), plain) << "spelling " << i;
}

TEST(TokenizerFileTest, ASequenceOfNormalizersNormalises) {
  const Change sequence = [](Json& j) {
    j["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  };
  EXPECT_EQ(Ids(sequence, "cafe\xCC\x81!"), PlainIds("caf\xC3\xA9!"));
  EXPECT_NE(Ids(sequence, "cafe\xCC\x81!"), PlainIds("cafe\xCC\x81!"));
}

TEST(TokenizerFileTest, WhatChangesIdsIsRefusedByItsField) {
  const std::pair<Change, const char*> cases[] = {
      {[](Json& j) { j["model"] = nullptr; }, "t.json: model is missing"},
      {[](Json& j) { j["model"]["type"] = nullptr; }, "t.json: model: type null is not supported"},
      {[](Json& j) { j["pre_tokenizer"].erase("type"); },
       "t.json: pre_tokenizer: an object without type is not supported"},
      {[](Json& j) { j["model"]["dropout"] = 0.1; }, "t.json: model.dropout: 0.1"},
      {[](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; },
       "t.json: model.continuing_subword_prefix: \"##\""},
      {[](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; },
       "t.json: model.end_of_word_suffix"},
      {[](Json& j) {
         j["model"]["vocab"].erase("Y");
         j["model"]["unk_token"] = "<|endoftext|>";
       },
       "t.json: model.unk_token: \"<|endoftext|>\" where vocab has no entry for byte 0x59"},
      {[](Json& j) {
         j["model"]["vocab"].erase("Y");
         j["model"]["byte_fallback"] = true;
       },
       "t.json: model.byte_fallback: true where"},
      {[](Json& j) { j["model"]["vocab"]["Y"] = -1; },
       "t.json: model.vocab: \"Y\" has no usable id"},
      {[](Json& j) { j["model"]["vocab"] = Json::array({"a"}); },
       "t.json: model.vocab: expected an object"},
      {[](Json& j) { j["model"]["merges"] = {"a b c"}; },
       "t.json: model.merges: entry 0 has no two parts"},
      {[](Json& j) { j["model"]["ignore_merges"] = "yes"; },
       "t.json: model.ignore_merges: expected true or false, found \"yes\""},
      {[](Json& j) { j["pre_tokenizer"] = nullptr; }, "t.json: pre_tokenizer: null"},
      {[](Json& j) { j["pre_tokenizer"] = Sequence({Split("Isolated", false)}); },
       "t.json: pre_tokenizer: a sequence without ByteLevel"},
      {[](Json& j) { j["pre_tokenizer"] = Sequence({Split("Dropped", false), ByteLevel(false)}); },
       "t.json: pre_tokenizer.pretokenizers.0.behavior: Dropped"},
      {[](Json& j) {
         j["pre_tokenizer"] = Sequence({Split("Isolated", false, "\\w+"), ByteLevel(false)});
       },
       "pretokenizers.0.pattern: {\"Regex\":\"\\\\w+\"} (\\w in it)"},
      {[](Json& j) { j["pre_tokenizer"] = Sequence({{{"type", "Punctuation"}}, ByteLevel(true)}); },
       "t.json: pre_tokenizer.pretokenizers.0: Punctuation"},
      {[](Json& j) { j["pre_tokenizer"] = Sequence({ByteLevel(true), ByteLevel(true)}); },
       "pretokenizers.1: ByteLevel behind ByteLevel"},
      {[](Json& j) {
         j["normalizer"] = {{"type", "Sequence"},
                            {"normalizers", {{{"type", "NFC"}}, {{"type", "Lowercase"}}}}};
       },
       "t.json: normalizer.normalizers.1: Lowercase"},
      {[](Json& j) { j["post_processor"] = {{"type", "RobertaProcessing"}}; },
       "t.json: post_processor: RobertaProcessing"},
      {[](Json& j) {
         const Json text = {{"Sequence", {{"id", "A"}}}};
         j["post_processor"] = {{"type", "TemplateProcessing"}, {"single", {text, text}}};
       },
       "t.json: post_processor.single: a template without the text, or with two"},
      {[](Json& j) { j["truncation"] = {{"max_length", 4}}; },
       "t.json: truncation: documents are encoded whole"},
      {[](Json& j) { j["padding"] = {{"strategy", {{"Fixed", 12}}}}; },
       "t.json: padding: documents are encoded whole"},
      {[](Json& j) { j["added_tokens"].push_back(Added("<|mark|>", "270")); },
       "t.json: added_tokens.1.id: is missing, or no usable id"},
      {[](Json& j) {
         j["added_tokens"].push_back(Added("<|mark|>", 270));
         j["added_tokens"][1]["lstrip"] = true;
       },
       "t.json: added_tokens.1.lstrip: true of \"<|mark|>\""}};
  for (const auto& [change, message] : cases) EXPECT_THAT(Refusal(change), HasSubstr(message));
}

TEST(TokenizerFileTest, AddedTokensAreNumberedBehindTheVocabularyInTheirOrder) {
  const auto with = [](const std::vector<Json>& tokens) {
    return [tokens](Json& j) {
      for (const Json& token : tokens) j["added_tokens"].push_back(token);
    };
  };
  const std::string text = "<|mark|><|other|>";
  EXPECT_THAT(Ids(with({Added("<|mark|>", 900)}), "<|mark|>a"),
              ElementsAre(270, PlainIds("a").front()));
  EXPECT_THAT(Ids(with({Added("<|mark|>", 900), Added("<|other|>", 7)}), text),
              ElementsAre(270, 271));
  EXPECT_THAT(Ids(with({Added("<|other|>", 271), Added("<|mark|>", 270)}), text),
              ElementsAre(271, 270));
  EXPECT_THAT(
      Ids(with({Added("<|mark|>", 270), Added("<|mark|>", 271), Added("<|other|>", 272)}), text),
      ElementsAre(270, 271));
  // One that stands in the vocabulary has its id there.
  const int32_t the = PlainIds("the").front();
  EXPECT_THAT(Ids(with({Added("the", 270), Added("<|mark|>", 271)}), "the<|mark|>"),
              ElementsAre(the, 270));
  const auto gap = [&](Json& j) {
    j["model"]["vocab"]["zz"] = 271;  // 271 entries, of which one has the id 271
    with({Added("<|mark|>", 272)})(j);
  };
  EXPECT_THAT(Refusal(gap),
              HasSubstr("t.json: added_tokens.1.id: \"<|mark|>\" becomes 271, the number of "
                        "entries in model.vocab, which is the id of \"zz\""));
  EXPECT_THAT(Refusal(with({Added("<|mark|>", 270), Added("<|mark|>", 270, true)})),
              HasSubstr("added_tokens.2.content: \"<|mark|>\" stands there twice"));
}

// A vocabulary whose entries stand where others published theirs: `merges` are "a+b", each by the
// id of what it makes. The rest are fillers, which no text here has.
Json Published(int first_byte, const std::vector<std::pair<int, std::string>>& merges, int entries,
               int end_of_text) {
  Json json = Plain();
  Json vocab = {{"<|endoftext|>", end_of_text}};
  // The characters that stand for bytes, in the order of Unicode.
  std::vector<std::string> bytes;
  for (const auto& [entry, id] : json["model"]["vocab"].items()) {
    size_t length = 0;
    (void)DecodeCodePoint(entry, &length);
    if (length == entry.size()) bytes.push_back(entry);
  }
  EXPECT_EQ(bytes.size(), 256u);
  for (const std::string& byte : bytes) vocab[byte] = first_byte++;
  Json list = Json::array();
  for (const auto& [id, pair] : merges) {
    const std::vector<std::string> parts = braid::Split(pair, '+');
    vocab[parts[0] + parts[1]] = id;
    list.push_back(parts);
  }
  std::set<int> taken;
  for (const auto& [entry, id] : vocab.items()) taken.insert(id.get<int>());
  for (int id = 0; id < entries; ++id) {
    if (!taken.contains(id)) vocab["filler" + std::to_string(id)] = id;
  }
  json["model"]["vocab"] = vocab;
  json["model"]["merges"] = list;
  json["added_tokens"] = Json::array({Added("<|endoftext|>", end_of_text)});
  return json;
}

std::vector<int32_t> IdsOf(const Json& json, const std::string& text) {
  return Ids([&](Json& j) { j = json; }, text);
}

// Ids that `tokenizers` gives for files as they were published.
TEST(TokenizerFileTest, PublishedIdsOfASmallVocabulary) {
  // "\xC4\xA0" stands for the space, "\xC3\x83" and "\xC2\xA9" for the two bytes of e with an
  // acute.
  const std::string space = "\xC4\xA0", e_acute = "\xC3\x83+\xC2\xA9";
  const Json base = Published(1,
                              {{257, space + "+i"},
                               {258, space + "+h"},
                               {259, "o+u"},
                               {260, space + "+a"},
                               {261, "s+e"},
                               {262, space + "h+ou"},
                               {263, space + "+t"},
                               {264, space + "+c"},
                               {265, "a+t"},
                               {288, space + "i+n"},
                               {289, "h+e"},
                               {300, space + "hou+se"},
                               {303, space + "t+he"},
                               {310, space + "c+at"},
                               {312, e_acute},
                               {325, "'+s"},
                               {355, "T+he"}},
                              363, 0);
  const std::vector<int32_t> sentence = {355, 310, 325, 288, 303, 300, 14};
  EXPECT_EQ(IdsOf(base, "The cat's in the house."), sentence);
  Json untyped = base;  // as GPT-2 was published: no type, no use_regex, empty texts for nothing
  for (const char* field : {"type", "byte_fallback", "ignore_merges"})
    untyped["model"].erase(field);
  untyped["model"]["continuing_subword_prefix"] = untyped["model"]["end_of_word_suffix"] = "";
  untyped["pre_tokenizer"].erase("use_regex");
  EXPECT_EQ(IdsOf(untyped, "The cat's in the house."), sentence);
  Json split = base;
  split["pre_tokenizer"] = Sequence({Split("Isolated", false), ByteLevel(false)});
  EXPECT_EQ(IdsOf(split, "The cat's in the house."), sentence);
  Json nfc = base;
  nfc["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  EXPECT_THAT(IdsOf(nfc, "cafe\xCC\x81!"), ElementsAre(67, 65, 70, 312, 1));
  Json wrong_id = base;
  wrong_id["added_tokens"].push_back(Added("<|mark|>", 900));
  EXPECT_THAT(IdsOf(wrong_id, "<|mark|> a <|other|>"),
              ElementsAre(363, 260, 221, 28, 92, 79, 84, 289, 82, 92, 30));
}

// The places of GPT-2's entries. U+2EBF6 is a letter since Unicode 15.1, so that its last byte and
// the first of the next letter are of one piece.
TEST(TokenizerFileTest, PublishedIdsOfGpt2) {
  const std::string space = "\xC4\xA0";
  const Json gpt2 = Published(0,
                              {{258, "h+e"},
                               {265, "a+t"},
                               {269, space + "+c"},
                               {464, "T+he"},
                               {3797, space + "c+at"},
                               {35050, "\xC2\xB6+\xC3\xA6"}},
                              50257, 50256);
  EXPECT_THAT(IdsOf(gpt2, "The cat"), ElementsAre(464, 3797));
  EXPECT_THAT(IdsOf(gpt2, "\xF0\xAE\xAF\xB6\xE6\xBC\xA2"),
              ElementsAre(172, 106, 107, 35050, 120, 95));
}

TEST(TokenizerFileTest, NormalisedTokensAreFoundInNormalisedText) {
  const Change change = [](Json& j) {
    j["normalizer"] = {{"type", "NFC"}};
    j["added_tokens"].push_back(Added("e\xCC\x81", 270, /*normalized=*/true));
  };
  EXPECT_THAT(Ids(change, "\xC3\xA9"), ElementsAre(270));
  EXPECT_THAT(Ids(change, "e\xCC\x81"), ElementsAre(270));
}

// An entry that is written in other characters than those of bytes is no piece.
TEST(TokenizerFileTest, WholePiecesAreEntriesOfBytes) {
  const Change change = [](Json& j) {
    j["model"]["ignore_merges"] = true;
    j["model"]["vocab"][" "] = 270;
  };
  EXPECT_EQ(Ids(change, "a \n"), PlainIds("a \n"));
}

TEST(TokenizerFileTest, NoValueOfAnyTypeThrows) {
  Json json = Plain();
  json["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  json["pre_tokenizer"] = Sequence({Split("Isolated", false), ByteLevel(false)});
  json["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", {{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}}};
  json["padding"] = {{"strategy", "BatchLongest"}};
  json["model"]["vocab"] = {{"a", 0}, {"b", 1}, {"ab", 2}};
  json["model"]["merges"] = {"a b", "a b"};
  ForEachMutation(json, [](const Json& mutated, const std::string& what) {
    EXPECT_NO_THROW({
      const auto tokenizer = Tokenizer::Parse(mutated.dump(), "t.json");
      EXPECT_THAT(tokenizer.ok() ? "t.json: " : tokenizer.status().message(), HasSubstr("t.json: "))
          << what;
      std::vector<int32_t> ids;
      if (tokenizer.ok()) Encoder(*tokenizer).Encode("abc", &ids);
    }) << what;
  });
}

}  // namespace
}  // namespace braid::corpus
