// What is wrong with `seeds` and `sweep`, and what the checks of a recipe say of its variants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/graph/pretrained.h"
#include "recipe/graph/set_aside.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(SweepErrorTest, UnknownFieldsAreNamedWithTheNearest) {
  EXPECT_EQ(ErrorOf(Swept("sweep: {over: {train.bacth: [1, 2]}}\n")),
            "r.yaml:14:16: sweep.over.train.bacth: train has no field bacth; did you mean "
            "train.batch?");
  EXPECT_EQ(ErrorOf(Swept("sweep: {over: {baselines.dens.d: [64, 128]}}\n")),
            "r.yaml:14:16: sweep.over.baselines.dens.d: baselines has no dens; it has dense (a "
            "name with dots "
            "by its number, from 0)");
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {baselines.dense: [1, 2]}}\n")),
              HasSubstr("sweep.over.baselines.dense: is a whole item; name a field within it"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {run: [a, b]}}\n")),
              HasSubstr("sweep.over.run: run is of the whole run and cannot vary"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {preempt: [true, false]}}\n")),
              HasSubstr("sweep.over.preempt: preempt is of the whole run and cannot vary"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {paths.path_1.name: [a, b]}}\n")),
              HasSubstr("a name cannot vary"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {ovr: {sequence: [1, 2]}}\n")),
              AllOf(HasSubstr("sweep.over: is missing"), HasSubstr("did you mean over?")));
}

TEST(SweepErrorTest, ValuesOfAnotherTypeAreReportedWhereTheyStand) {
  EXPECT_EQ(ErrorOf(Swept("sweep: {over: {train.optimizer.lr: [1e-3, fast]}}\n")),
            "r.yaml:14:43: train.optimizer.lr: expected a number, found \"fast\"");
  EXPECT_EQ(ErrorOf(Swept("sweep: {over: {sequence: [16, 1]}}\n")),
            "r.yaml:14:31: sequence: must be in 2 .. 1048576, is 1");
  // An unknown key of a section that only the sweep has.
  EXPECT_EQ(ErrorOf(Swept("sweep: {over: {paths.path_1.train: [{bacth: 1}, {batch: 2}]}}\n")),
            "r.yaml:14:38: paths.0.train.bacth: no such key; did you mean batch?");
}

TEST(SweepErrorTest, ListsHaveValues) {
  EXPECT_EQ(ErrorOf(Swept("sweep: {over: {sequence: []}}\n")),
            "r.yaml:14:26: sweep.over.sequence: the list is empty; give the values that it takes "
            "in turn");
  EXPECT_EQ(ErrorOf(Swept("sweep: {over: {sequence: [16, 16]}}\n")),
            "r.yaml:14:31: sweep.over.sequence: 16 appears twice");
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {sequence: 16}}\n")),
              HasSubstr("sweep.over.sequence: expected a list of values"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {}}\n")),
              HasSubstr("sweep.over: expected a mapping of fields to lists of values"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {train: {epochs: [1, 2]}}}\n")),
              HasSubstr("have a name that is no field"));
}

TEST(SweepErrorTest, TooManyVariantsAreCounted) {
  std::string many = "sweep: {over: {sequence: [16, 32, 64, 128], train.batch: [1";
  for (int i = 2; i <= 100; ++i) many += ", " + std::to_string(i);
  EXPECT_THAT(
      ErrorOf(Swept("seeds: 3\n" + many + "]}}\n")),
      HasSubstr("sweep: 4 of sequence x 100 of train.batch x 3 of seeds make 1200 variants; "
                "at most 500 are allowed"));
  EXPECT_THAT(ErrorOf(Swept("seeds: 501\n")),
              HasSubstr("seeds: expected a list of seeds, or how many, in 1 .. 500"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {method: random, count: 7, over: {sequence: [16, 32, 64], "
                            "train.batch: [1, 2]}}\n")),
              HasSubstr("sweep.count: there are 6 combinations, and 7 of them are asked for; "
                        "method: grid takes all"));
}

TEST(SweepErrorTest, RangesAreOfNumbersInRandomSweeps) {
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {train.optimizer.lr: {min: 1e-4, max: 1e-2}}}\n")),
              HasSubstr("a grid needs a list of values; a range is of method: random"));
  const auto random = [](const std::string& axis) {
    return Swept("sweep: {method: random, count: 2, over: {" + axis + "}}\n");
  };
  EXPECT_THAT(ErrorOf(random("train.lr_schedule: {min: 1, max: 2}")),
              HasSubstr("only a number can be drawn between min and max"));
  EXPECT_THAT(ErrorOf(random("sequence: {min: 2.5, max: 8}")),
              HasSubstr("min and max must be whole numbers"));
  EXPECT_THAT(ErrorOf(random("train.optimizer.lr: {min: 2, max: 1}")),
              HasSubstr("max: is not above min"));
  EXPECT_THAT(ErrorOf(random("train.optimizer.lr: {min: 0, max: 1, scale: log}")),
              HasSubstr("min: must be above 0 with scale: log"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {method: random, over: {sequence: [16, 32]}}\n")),
              HasSubstr("sweep.count: is missing: how many combinations are drawn"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {count: 3, over: {sequence: [16, 32]}}\n")),
              HasSubstr("sweep.count"));
}

TEST(SweepErrorTest, ARangeWithTooFewNumbersIsCounted) {
  EXPECT_THAT(ErrorOf(Swept("sweep: {method: random, count: 50, over: {train.optimizer.lr: {min: "
                            "1e-3, max: 1.0000000000000002e-3}}}\n")),
              HasSubstr("different combinations, and 50 are asked for; widen a range, or lower "
                        "count"));
}

TEST(SweepErrorTest, NoFieldIsSetTwice) {
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {paths.0.train.epochs: [1], paths.path_1.train.epochs: "
                            "[2]}}\n")),
              HasSubstr("paths.path_1.train.epochs is set twice"));
  EXPECT_THAT(ErrorOf(Swept("seeds: 2\nsweep: {over: {both: {a: {seed: 1}, b: {seed: 2}}}}\n")),
              HasSubstr("seeds: sweep.over has seed already"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {train.optimizer.lr: [1e-3, 0.001]}}\n")),
              HasSubstr("0.001 appears twice"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {train.optimizer: [{lr: 1e-3}], train.optimizer.lr: "
                            "[1e-3]}}\n")),
              HasSubstr("train.optimizer.lr is set twice, by train.optimizer too"));
  EXPECT_THAT(ErrorOf(Swept("seeds: 2\nsweep: {over: {seed: [1, 2]}}\n")),
              HasSubstr("seeds: sweep.over has seed already"));
  EXPECT_THAT(ErrorOf(Swept("seeds: [1, 1]\n")), HasSubstr("seeds: 1 appears twice"));
  EXPECT_THAT(ErrorOf(Swept("seeds: [1, -2]\n")),
              HasSubstr("seeds: expected whole numbers of at least 0"));
}

// A name of the user's own that is a field would be taken for it.
TEST(SweepErrorTest, FieldsThatVaryTogetherHaveANameThatIsNoField) {
  for (const char* name : {"seeds", "seed", "sequence"}) {
    EXPECT_THAT(ErrorOf(Swept(std::string("sweep: {over: {") + name +
                              ": {a: {train.batch: 4}, b: {train.batch: 8}}}}\n")),
                HasSubstr("have a name that is no field"))
        << name;
  }
}

TEST(SweepErrorTest, SettingsOfSeveralFieldsHaveTheSameFields) {
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {budget: {a: {sequence: 16}, b: {train.batch: 2}}}}\n")),
              HasSubstr("sweep.over.budget.b: has other fields than a, which has sequence"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {budget: {a: {seqence: 16}}}}\n")),
              HasSubstr("sweep.over.budget.a.seqence: a recipe has no field seqence; did you mean "
                        "sequence?"));
  EXPECT_THAT(ErrorOf(Swept("sweep: {over: {budget: {a: 16}}}\n")),
              HasSubstr("sweep.over.budget.a: expected a mapping of fields to values"));
}

TEST(SweepErrorTest, VariantsReadTheSameFiles) {
  const auto recipe = ParseRecipe(
      Swept("sweep: {over: {corpora.tales.files: [[a.jsonl], [b.jsonl]]}}\n"), "r.yaml");
  ASSERT_TRUE(recipe.ok()) << recipe.status().message();
  const auto dag = Expand(*recipe);
  ASSERT_FALSE(dag.ok());
  EXPECT_THAT(dag.status().message(),
              HasSubstr("sweep: variants read different files as source.tales (a.jsonl and "
                        "b.jsonl)"));
}

// A checkpoint is asked once for each shape that a variant wants of it.
TEST(SweepCheckTest, CheckpointsAreAskedForEveryVariant) {
  const std::string text = Replaced("name: dense,", "name: dense, start: 0123456789,",
                                    Swept("seeds: 3\nsweep: {over: {baselines.dense.blocks: "
                                          "[4, 5]}}\n"));
  const auto all = CheckpointRequirements(MustParse(text));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].spec.dense.blocks, 4);
  EXPECT_EQ(all[1].spec.dense.blocks, 5);
}

// Text that is enough for one variant's sequences may be too short for those of another.
TEST(SweepCheckTest, TextSetAsideIsEnoughForEveryVariant) {
  const Recipe recipe = MustParse(Swept("sweep: {over: {sequence: [16, 4096]}}\n"));
  const auto dag = Expand(recipe);
  ASSERT_TRUE(dag.ok());
  TextSize size;
  size.files = 1;
  size.bytes = 20'000;
  size.text_bytes = 20'000;
  const auto found = FindShortText(recipe, *dag, {{"source.tales", size}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].message, HasSubstr("not one sequence of 4096"));
}

}  // namespace
}  // namespace braid::recipe
