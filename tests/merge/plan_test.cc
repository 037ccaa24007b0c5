#include "merge/plan.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/merge/parents.h"

namespace braid::merge {
namespace {

using ::testing::HasSubstr;

Parent ParentOf(const model::ModelSpec& spec) {
  Parent parent{spec.name, spec, {}};
  for (const model::TensorSpec& tensor : model::Tensors(spec)) parent.tensors.push_back({tensor.name, "F32", tensor.shape});
  return parent;
}

std::vector<Parent> TwoParents() { return {ParentOf(SmallPath("one")), ParentOf(SmallPath("two"))}; }

TEST(PlanTest, TheCompositeFollowsFromItsParents) {
  const auto composite = CompositeOf(TwoParents(), "both", "share");
  ASSERT_TRUE(composite.ok()) << composite.status().message();
  EXPECT_EQ(composite->large.d, 16);
  EXPECT_EQ(composite->large.heads, 4);
  EXPECT_EQ(composite->large.ffn, 64);
  EXPECT_EQ(composite->paths[1].name, "two");
  EXPECT_EQ(composite->vocab, 40);
  EXPECT_EQ(composite->tokenizer, SmallPath("x").tokenizer);
}

// PaPaformer section 6: what is copied, what is concatenated, what is new, what is dropped.
TEST(PlanTest, EveryTensorHasItsPlace) {
  const auto parents = TwoParents();
  const auto plan = PlanMerge(parents, CompositeOf(parents, "both", "share").value(), 42);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  std::map<std::string, const Target*> by_name;
  for (const Target& target : plan->targets) by_name[target.tensor.name] = &target;
  EXPECT_EQ(by_name.at("embed.weight")->rule, Rule::kConcatenate);
  EXPECT_EQ(by_name.at("head.weight")->sources[1].column, 8);
  EXPECT_EQ(by_name.at("parallel.1.path.0.ffn.gate.weight")->sources[0].tensor, "blocks.1.ffn.gate.weight");
  EXPECT_EQ(by_name.at("parallel.0.path.1.attn_norm.weight")->sources[0].parent, 1u);
  for (const char* fresh : {"shrink.weight", "parallel.0.share.weight", "large.0.attn.q.weight", "norm.weight"}) {
    EXPECT_EQ(by_name.at(fresh)->rule, Rule::kInitialize) << fresh;
  }
  EXPECT_THAT(plan->dropped, testing::ElementsAre(std::pair("one", "norm.weight"), std::pair("two", "norm.weight")));
  EXPECT_THAT(ToText(*plan), HasSubstr("dropped: two:norm.weight"));
  EXPECT_EQ(ToJson(*plan)["tensors"].size(), plan->targets.size());
}

TEST(PlanTest, IncompatibleParentsAreNamedWithFieldAndValues) {
  const auto error = [](auto change) {
    auto parents = TwoParents();
    change(parents[1].spec);
    const Status status = CompositeOf(parents, "both", "share").status();
    EXPECT_EQ(status.reason(), "INCOMPATIBLE_PARENTS");
    return status.message();
  };
  EXPECT_THAT(error([](auto& s) { s.tokenizer = std::string(64, 'b'); }),
              HasSubstr("tokenizer of one is \"aaaaaaaaaaaaaaaa\", of two \"bbbbbbbbbbbbbbbb\"; train both on one tokenizer"));
  EXPECT_THAT(error([](auto& s) { s.vocab = 41; }), HasSubstr("vocab of one is 40, of two 41"));
  EXPECT_THAT(error([](auto& s) { s.dense.d = 16; }), HasSubstr("d of one is 8, of two 16"));
  EXPECT_THAT(error([](auto& s) { s.dense.blocks = 3; }), HasSubstr("blocks of one is 2, of two 3"));
  EXPECT_THAT(error([](auto& s) { s.arch.attn_out_proj = false; }), HasSubstr("arch.attn_out_proj of one is true, of two false"));
  auto twins = TwoParents();
  twins[1].name = "one";
  EXPECT_THAT(CompositeOf(twins, "both", "share").status().message(), HasSubstr("two parents are called one"));
  EXPECT_THAT(CompositeOf({twins[0]}, "both", "share").status().message(), HasSubstr("at least two parents"));
  EXPECT_THAT(CompositeOf(TwoParents(), "both", "slice").status().message(), HasSubstr("\"slice\" is not in this version"));
}

TEST(PlanTest, MissingOddAndSurplusTensorsAreNamed) {
  const auto error = [](auto change) {
    auto parents = TwoParents();
    const auto composite = CompositeOf(parents, "both", "share").value();
    change(parents[1].tensors);
    return PlanMerge(parents, composite, 42).status().message();
  };
  EXPECT_THAT(error([](auto& t) { std::erase_if(t, [](auto& x) { return x.name == "blocks.1.attn.k.weight"; }); }),
              HasSubstr("parent two: tensor blocks.1.attn.k.weight is missing"));
  EXPECT_THAT(error([](auto& t) { t[0].shape = {40, 9}; }), HasSubstr("parent two: tensor embed.weight has shape [40,9], its config.json says [40,8]"));
  EXPECT_THAT(error([](auto& t) { t[0].dtype = "BF16"; }), HasSubstr("parent two: tensor embed.weight is BF16, expected F32"));
  EXPECT_THAT(error([](auto& t) { t.push_back({"extra", "F32", {1}}); }), HasSubstr("parent two: tensor extra has no place"));
}

}  // namespace
}  // namespace braid::merge
