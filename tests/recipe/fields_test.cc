// Every field of a recipe as text, by which runs are compared.
#include "recipe/show/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "recipe/parse/written_fields.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

FieldValues FieldsOfOne(const std::string& text) {
  const auto all = FieldsOfTrainings(MustParse(text));
  EXPECT_THAT(all, SizeIs(1));
  return all.at(0);
}

TEST(FieldsTest, AreThoseOfTheTextAndThoseInForce) {
  const FieldValues fields = FieldsOfOne(kSmall);
  EXPECT_THAT(fields,
              AllOf(Contains(Pair("run", "small")), Contains(Pair("tokenizer.train.vocab", "400")),
                    Contains(Pair("corpora.tales.files", "[tales.jsonl]")),
                    Contains(Pair("corpora.sums.join", "[question, answer]")),
                    Contains(Pair("baselines.dense.d", "128")),
                    Contains(Pair("paths.path_2.corpus", "sums"))));
  EXPECT_THAT(fields,
              AllOf(Contains(Pair("train.batch", "4")), Contains(Pair("seed", "42")),
                    Contains(Pair("compat", "fixed")), Contains(Pair("training_seed", "42"))));
}

// However a number is written, its value is one.
TEST(FieldsTest, ValuesInForceAreComparedByWhatTheyMean) {
  EXPECT_EQ(FieldsOfOne(kSmall)["train.optimizer.lr"],
            FieldsOfOne(Replaced("lr: 1e-3", "lr: 0.001"))["train.optimizer.lr"]);
  EXPECT_NE(FieldsOfOne(kSmall)["train.optimizer.lr"],
            FieldsOfOne(Replaced("lr: 1e-3", "lr: 0.002"))["train.optimizer.lr"]);
  EXPECT_EQ(FieldsOfOne(kSmall)["train.batch"], "4");
}

TEST(FieldsTest, EachVariantHasItsOwn) {
  const auto all = FieldsOfTrainings(
      MustParse(Swept("seeds: [7, 9]\nsweep: {over: {train.optimizer.lr: [1e-3, 3e-3], "
                      "baselines.dense.d: [128, 64]}}\n")));
  ASSERT_THAT(all, SizeIs(8));
  std::set<std::vector<std::string>> seen;
  for (const FieldValues& fields : all)
    seen.insert({fields.at("training_seed"), fields.at("train.optimizer.lr"),
                 fields.at("baselines.dense.d")});
  EXPECT_THAT(seen, SizeIs(8)) << "seed, rate and width are those of each variant";
  EXPECT_EQ(all[0].at("seed"), "42") << "of the tokenizer and of what is set aside";
}

TEST(WrittenFieldsTest, AnyTextEnds) {
  EXPECT_THAT(WrittenFields("[1"), SizeIs(0));
  EXPECT_THAT(WrittenFields(""), Not(Contains(Key("run"))));
  // Each alias doubles what it stands for.
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + ", " + last +
            "]\n";
  }
  for (const auto& [name, value] : WrittenFields(bomb)) EXPECT_LE(value.size(), 2'000U);
  std::string maps = "b0: &b0 {x: 1, y: 2}\n";
  for (int i = 1; i < 40; ++i) {
    const std::string last = "*b" + std::to_string(i - 1);
    maps += "b" + std::to_string(i) + ": &b" + std::to_string(i) + " {x: " + last + ", y: " + last +
            "}\n";
  }
  EXPECT_LE(WrittenFields(maps).size(), 2'000U);
  EXPECT_EQ(WrittenFields("list: [{name: a, d: 1}, {name: b}]").at("list.a.d"), "1");
  EXPECT_EQ(WrittenFields("list: [{name: a}, {d: 2}]").at("list"), "[{name: a}, {d: 2}]");
}

}  // namespace
}  // namespace braid::recipe
