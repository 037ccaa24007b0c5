#include "corpus/token_class.h"

#include <gmock/gmock.h>

#include "corpus/bpe_trainer.h"

namespace braid::corpus {
namespace {

TEST(TokenClassTest, ByTheCommonestKindOfCharacter) {
  const std::vector<std::pair<const char*, TokenClass>> table = {
      {" the", TokenClass::kWord},
      {"it's", TokenClass::kWord},
      {"größe", TokenClass::kWord},
      {"日本", TokenClass::kWord},
      {" 42", TokenClass::kNum},
      {"³", TokenClass::kNum},
      {"x12", TokenClass::kNum},
      {".", TokenClass::kPunct},
      {" (", TokenClass::kPunct},
      {"+", TokenClass::kSym},
      {" *", TokenClass::kSym},
      {"=", TokenClass::kSym},
      {"$", TokenClass::kSym},
      {"/", TokenClass::kSym},
      {"  ", TokenClass::kSpace},
      {"\n\n", TokenClass::kSpace},
      {"\xEF\xBF\xBD", TokenClass::kOther},
      {"", TokenClass::kOther}};
  for (const auto& [text, expected] : table) {
    EXPECT_EQ(schema::NameOf(ClassOf(text)), schema::NameOf(expected)) << '"' << text << '"';
  }
}

TEST(TokenClassTest, OfAWholeVocabulary) {
  BpeTrainer trainer;
  trainer.Add("twelve and 12 are 12; 12 + 12 = 24");
  const auto tokenizer = Tokenizer::Parse(trainer.Train(262).value().dump(), "test").value();
  const std::vector<TokenClass> classes = ClassesOf(*tokenizer);
  ASSERT_EQ(classes.size(), static_cast<size_t>(tokenizer->vocab()));
  EXPECT_EQ(classes[static_cast<size_t>(tokenizer->eos_id())], TokenClass::kOther);
  EXPECT_EQ(classes[static_cast<size_t>(tokenizer->pad_id())], TokenClass::kOther);
  Encoder encoder(tokenizer);
  std::vector<int32_t> ids;
  encoder.Encode("12", &ids);
  for (const int32_t id : ids) EXPECT_EQ(classes[static_cast<size_t>(id)], TokenClass::kNum);
}

}  // namespace
}  // namespace braid::corpus
