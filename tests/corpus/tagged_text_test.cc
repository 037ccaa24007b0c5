#include "corpus/tagged_text.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "corpus/bpe_trainer.h"

namespace braid::corpus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TaggedTextTest : public ::testing::Test {
 protected:
  TaggedTextTest() {
    BpeTrainer trainer;
    for (int i = 0; i < 50; ++i) trainer.Add("the cats cats the");
    tokenizer_ = Tokenizer::Parse(trainer.Train(263).value().dump(), "tokenizer.json").value();
  }
  Result<TaggedText> Read(const std::string& rows) {
    file_ = folder_.path() + "/gsm8k.jsonl";
    EXPECT_TRUE(WriteFileAtomic(file_, rows).ok());
    Encoder encoder(tokenizer_);
    return ReadTaggedText(file_, *tokenizer_, encoder);
  }
  std::vector<std::string> Classes(const std::string& rows) {
    std::vector<std::string> names;
    const TaggedText tagged = Read(rows).value();
    for (size_t i = 0; i < tagged.ids.size(); ++i) {
      names.push_back(std::string(tokenizer_->Bytes(tagged.ids[i])) + "/" +
                      schema::NameOf(tagged.classes[i]));
    }
    return names;
  }
  std::string Error(const std::string& rows) {
    std::string message = Read(rows).status().message();
    return message.substr(0, file_.size()) == file_ ? message.substr(file_.size())
                                                    : "does not begin with the file: " + message;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string file_;
};

TEST_F(TaggedTextTest, ATokenTakesTheTagThatItOverlapsMost) {
  // " cats" is one token; the tag of "cat" covers most of it, that of "s" least.
  EXPECT_THAT(
      Classes(R"({"text": "the cats", "tags": [[0, 3, "DET"], [4, 7, "NOUN"], [7, 8, "PART"]]})"
              "\n"),
      ElementsAre("the/DET", " cats/NOUN", "<|endoftext|>/OTHER"));
  // Positions count characters: é has two bytes, and both are of the same word.
  EXPECT_THAT(Classes(R"({"text": "é cats", "tags": [[0, 1, "X"], [2, 6, "VERB"]]})"
                      "\n"),
              ElementsAre("\xC3/X", "\xA9/X", " cats/VERB", "<|endoftext|>/OTHER"));
}

TEST_F(TaggedTextTest, ArithmeticAndSpaceSpeakForThemselves) {
  EXPECT_THAT(
      Classes(R"({"text": "the 7+\n", "tags": [[0, 3, "DET"], [4, 7, "PUNCT"]]})"
              "\n"),
      ElementsAre("the/DET", " /SPACE", "7/NUM", "+/SYM", "\n/SPACE", "<|endoftext|>/OTHER"));
  EXPECT_THAT(Classes(R"({"text": "the.", "tags": []})"
                      "\n"),
              ElementsAre("the/X", "./X", "<|endoftext|>/OTHER"));
}

TEST_F(TaggedTextTest, DocumentsFollowOneAnother) {
  const TaggedText tagged = Read(
                                "{\"text\": \"the\", \"tags\": [[0, 3, \"DET\"]]}\n\n{\"text\": "
                                "\"cats\", \"tags\": [[0, 4, \"NOUN\"]]}\n")
                                .value();
  EXPECT_EQ(tagged.name, "gsm8k");
  EXPECT_EQ(tagged.ids.size(), tagged.classes.size());
  EXPECT_EQ(std::count(tagged.ids.begin(), tagged.ids.end(), tokenizer_->eos_id()), 2);
}

// U+0374 becomes U+02B9, which has as many bytes: what is read must be what was tagged.
TEST_F(TaggedTextTest, TextThatIsNormalisedIsRefused) {
  BpeTrainer trainer;
  trainer.Add("the cats");
  Json json = trainer.Train(260).value();
  json["normalizer"] = {{"type", "NFC"}};
  tokenizer_ = Tokenizer::Parse(json.dump(), "tokenizer.json").value();
  for (const char* text : {"e\xCC\x81", "\xCD\xB4"}) {
    EXPECT_THAT(Error(Json{{"text", text}, {"tags", Json::array()}}.dump() + "\n"),
                HasSubstr(":1: field \"text\" (column 19): the tokenizer normalises this text"));
  }
}

TEST_F(TaggedTextTest, RowsThatAreNoneAreNamed) {
  EXPECT_EQ(Error("{\"text\": \"the\"}\n"), ":1: the row has no field \"tags\"; it has text");
  EXPECT_EQ(Error("{\"text\": \"the\", \"tags\": []}\n{\"tags\": []}\n"),
            ":2: the row has no field \"text\"; it has tags");
  EXPECT_EQ(Error("{\"text\": 7, \"tags\": []}\n"),
            ":1: field \"text\" is not text, but 7 (column 10)");
  const std::string tags = ":1: field \"tags\" (column 25): ";
  EXPECT_EQ(Error("{\"text\": \"the\", \"tags\": null}\n"),
            tags + "expected a list of tags, found null");
  EXPECT_EQ(Error("{\"text\": \"the\", \"tags\": [[0, 3]]}\n"),
            tags + "item 0: expected [begin, end, \"TAG\"], found [0,3]");
  EXPECT_EQ(Error("{\"text\": \"the\", \"tags\": [[0, 4, \"DET\"]]}\n"),
            tags + "item 0: 0 to 4 is no part of a text of 3 characters");
  EXPECT_EQ(Error("{\"text\": \"the\", \"tags\": [[0, 3, \"NN\"]]}\n"),
            tags + "item 0: \"NN\" is no Universal POS tag");
  EXPECT_EQ(Error("{\"text\": \"the\", \"tags\": [[0, 2, \"DET\"], [1, 3, \"DET\"]]}\n"),
            tags + "two tags overlap");
}

// A tagger may write more into a row than is read of it, whatever that is.
TEST_F(TaggedTextTest, OddValuesHarmOnlyWhoReadsThem) {
  const std::string row =
      R"({"score": NaN, "id": 007, "text": "the", "note": "\ud800", "n": 1e999, "tags": [[0, 3, "DET"]]})";
  EXPECT_THAT(Classes("\n" + row + "\r\n \n\n" + row + "\n\n"),
              ElementsAre("the/DET", "<|endoftext|>/OTHER", "the/DET", "<|endoftext|>/OTHER"));
  EXPECT_TRUE(CheckTaggedText(file_).ok());
  EXPECT_THAT(Error(R"({"text": "the", "tags": [[0, NaN, "DET"]]})"),
              HasSubstr(":1 is not valid JSON: column 30, field \"tags\": "));
}

TEST_F(TaggedTextTest, ARowOfMegabytesIsNotTheMessage) {
  const std::string much(1'000'000, 'x');
  for (const std::string& row :
       {"{\"text\": [\"" + much + "\"], \"tags\": []}", "{\"text\": \"" + much,
        "{\"" + much + "\": 1}", "{\"text\": \"the\", \"tags\": \"" + much + "\"}",
        "{\"text\": \"the\", \"tags\": [[0, 3, \"" + much + "\"]]}"}) {
    const std::string error = Error(row);
    EXPECT_THAT(error, HasSubstr(":1"));
    EXPECT_LT(error.size(), 600u);
  }
}

}  // namespace
}  // namespace braid::corpus
