// Checkpoints that a recipe is given, against what it says of its models
// (recipe/graph/pretrained.h, merge/checkpoint_requirement.h).
#include "recipe/graph/pretrained.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "merge/checkpoint_requirement.h"
#include "model/tensors.h"
#include "schema/read.h"
#include "spec/train.h"
#include "tests/recipe/small_recipe.h"

namespace braid::recipe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char kOld[] =
    "run: small\n"
    "tokenizer: {file: t.json}\n"
    "corpora:\n"
    "  tales: {files: [tales.jsonl], text: text}\n"
    "paths:\n"
    "  - {name: path_1, corpus: tales, d: 64, heads: 2, blocks: 3, from: ./one}\n"
    "  - {name: path_2, corpus: tales, d: 64, heads: 2, blocks: 3, start: 0123456789abcdef}\n"
    "composites:\n"
    "  - {name: c, base: ./base, paths: [path_1, {name: kept, corpus: tales, d: 64, heads: 2, "
    "blocks: 3}]}\n"
    "baselines:\n"
    "  - {name: whole, start: ./whole, connect: routed, paths: [{d: 64, heads: 2, blocks: 3}, {d: "
    "64, heads: 2, blocks: 3}]}\n";

class GivenTest : public testing::Test {
 protected:
  GivenTest() {
    const Recipe recipe = MustParse(kOld);
    Store("from.path_1", recipe.paths[0].spec);
    Store("start.path_2", recipe.paths[1].spec);
    Store("base.c", recipe.composites[0].spec);
    Store("start.whole", recipe.baselines[0].spec);
  }
  // As a training leaves it, with a tokenizer of 50 entries.
  void Store(const std::string& source, model::ModelSpec spec) {
    spec.vocab = 51;
    spec.pad_id = 50;
    spec.tokenizer = std::string(64, 'a');
    merge::Parent& parent = stored_[source];
    parent.name = source.substr(source.find('.') + 1);
    parent.spec = spec;
    parent.tensors.clear();
    for (const model::TensorSpec& tensor : model::Tensors(spec))
      parent.tensors.push_back({tensor.name, "F32", tensor.shape});
  }
  std::string Error(const std::string& text = kOld, const std::string& tokenizer = "") {
    const auto read =
        [&](const model::CheckpointRequirement& given) -> Result<std::optional<merge::Parent>> {
      if (given.moments) asked_for_moments_.push_back(given.source);
      const auto found = stored_.find(given.source);
      return found == stored_.end() ? std::optional<merge::Parent>() : std::optional(found->second);
    };
    const Status status = merge::CheckRequirements(CheckpointRequirements(MustParse(text)),
                                                   "r.yaml", tokenizer, read);
    if (status.ok()) return "no error";
    EXPECT_EQ(status.reason(), "INVALID_RECIPE");
    return status.message();
  }

  std::map<std::string, merge::Parent> stored_;
  std::vector<std::string> asked_for_moments_;
};

TEST_F(GivenTest, WhatFitsIsTaken) {
  EXPECT_EQ(Error(), "no error");
  EXPECT_EQ(Error(kOld, std::string(64, 'a')), "no error");
  stored_.clear();  // nothing can be looked into
  EXPECT_EQ(Error(), "no error");
}

TEST_F(GivenTest, AnotherTokenizerIsNamed) {
  EXPECT_THAT(Error(kOld, std::string(64, 'b')),
              HasSubstr("r.yaml:6: ./one: it was trained with tokenizer aaaaaaaaaaaa, the recipe's "
                        "is bbbbbbbbbbbb; give the tokenizer.file"));
  EXPECT_THAT(Error(Replaced("{file: t.json}", "{train: {vocab: 400}}", kOld)),
              HasSubstr("./one: path_1 has 51 rows of vocabulary, and the tokenizer that the "
                        "recipe trains would give 401"));
  stored_.at("start.path_2").spec.tokenizer = std::string(64, 'c');
  EXPECT_THAT(Error(), HasSubstr("r.yaml:7: 0123456789abcdef: it was trained with tokenizer "
                                 "cccccccccccc, ./one with aaaaaaaaaaaa"));
}

TEST_F(GivenTest, AnotherShapeIsNamedWhereverItStands) {
  model::ModelSpec path = stored_.at("start.path_2").spec;
  path.dense.blocks = 2;
  Store("start.path_2", path);
  EXPECT_THAT(Error(), HasSubstr("r.yaml:7: 0123456789abcdef: path_2 is not what the recipe says "
                                 "of it: blocks is 2, the recipe says 3"));
  stored_.erase("start.path_2");
  model::ModelSpec whole = stored_.at("start.whole").spec;
  whole.connection.router.tau = 0.5;
  Store("start.whole", whole);
  EXPECT_THAT(Error(), HasSubstr("r.yaml:11: ./whole: whole is not what the recipe says of it: "
                                 "connection.router.tau is 0.5, the recipe says 1.0"));
  stored_.erase("start.whole");
  model::ModelSpec base = stored_.at("base.c").spec;
  base.paths[1].name = "other";
  Store("base.c", base);
  EXPECT_THAT(Error(), HasSubstr("r.yaml:9: ./base: path kept is neither a parent nor a path of "
                                 "the base, which has path_1, other"));
}

TEST_F(GivenTest, EveryTensorMustBeThere) {
  stored_.at("base.c").tensors.pop_back();
  EXPECT_THAT(Error(), HasSubstr("r.yaml:9: ./base: parent c"));
}

TEST_F(GivenTest, MomentsAreReadWhereTheyAreCarried) {
  EXPECT_EQ(Error(), "no error");
  EXPECT_THAT(asked_for_moments_, ElementsAre());
  EXPECT_EQ(Error(std::string(kOld) + "joint: {carry_optimizer: true}\n"), "no error");
  EXPECT_THAT(asked_for_moments_, ElementsAre("from.path_1", "base.c"));  // what a training begins
                                                                          // with has its own
}

// `continue`: the settings of the recipe against those that the checkpoint notes.
class ContinuedTest : public GivenTest {
 protected:
  ContinuedTest() : text_(Replaced("start: 0123456789abcdef", "continue: 0123456789abcdef", kOld)) {
    text_ = Replaced("run: small\n", "run: small\ntrain: {batch: 4, steps: 200}\n", text_);
    const Recipe recipe = MustParse(text_);
    Store("continue.path_2", recipe.paths[1].spec);
    merge::Parent& parent = stored_.at("continue.path_2");
    const auto task = schema::FromJson<spec::TrainTask>(CheckpointRequirements(recipe)[1].training,
                                                        "recipe")
                          .value();
    parent.begun = {100, 25600, spec::TrainingNote{task.data, task.seed, task.train, 100, {}}};
    parent.rate = 1e-3;
  }
  std::string text_;
};

TEST_F(ContinuedTest, ALongerTrainingOfTheSameTextGoesOn) {
  EXPECT_EQ(Error(text_), "no error");
  EXPECT_THAT(asked_for_moments_, ElementsAre("continue.path_2"));
}

TEST_F(ContinuedTest, AnotherTrainingIsRefusedBeforeItIsSubmitted) {
  EXPECT_THAT(Error(Replaced("batch: 4", "batch: 8", text_)),
              HasSubstr("r.yaml:8: 0123456789abcdef: a training goes on with the same text in the "
                        "same order and with the same optimizer: train.batch was 4 and is 8;"));
  EXPECT_THAT(Error("seed: 7\n" + text_),
              HasSubstr("seed, which the model's name decides too, was "));
  EXPECT_THAT(Error(Replaced("steps: 200", "steps: 100", text_)),
              HasSubstr("it has done 100 steps, and train.steps ends the training after 100"));
  EXPECT_EQ(Error(Replaced("batch: 4", "batch: 4, clip: 2", text_)), "no error");
}

TEST_F(ContinuedTest, ARateOfNothingIsNotKept) {
  const std::string text = Replaced("batch: 4", "batch: 4, lr_schedule: constant", text_);
  EXPECT_EQ(Error(text), "no error");
  stored_.at("continue.path_2").rate = 0;
  EXPECT_EQ(Error(text), "no error");
  EXPECT_THAT(
      Error(Replaced("continue: 0123456789abcdef",
                     "continue: 0123456789abcdef, train: {lr_schedule: continue}", text)),
      HasSubstr("lr_schedule continue keeps the rate at which its training ended, and that is 0"));
}

}  // namespace
}  // namespace braid::recipe
