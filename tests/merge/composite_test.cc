#include "merge/composite.h"

#include <gmock/gmock.h>

#include "tests/merge/parents.h"
#include "tests/word.h"

namespace braid::merge {
namespace {

using ::testing::HasSubstr;

CompositeOptions OptionsOf(const std::string& kind) {
  CompositeOptions options{"both", {}, {}};
  options.connection.kind = Word(kind);
  return options;
}

Parent BaseOf(const std::vector<Parent>& parents, const std::string& kind) {
  Parent base = ParentOf(CompositeOf(parents, std::nullopt, OptionsOf(kind)).value());
  base.name = "base";
  return base;
}

TEST(CompositeTest, FollowsFromItsParents) {
  const auto composite = CompositeOf(TwoParents(), std::nullopt, OptionsOf("share"));
  ASSERT_TRUE(composite.ok()) << composite.status().message();
  EXPECT_EQ(composite->large.d, 16);
  EXPECT_EQ(composite->large.heads, 4);
  EXPECT_EQ(composite->large.ffn, 64);
  EXPECT_FALSE(composite->large.identity);
  EXPECT_EQ(composite->paths[1].name, "two");
  EXPECT_EQ(composite->vocab, 40);
  EXPECT_EQ(composite->tokenizer, SmallPath("x").tokenizer);
  EXPECT_EQ(composite->large.blocks, 2);
  const auto slices = CompositeOf(TwoParents(), std::nullopt, OptionsOf("slice"));
  EXPECT_TRUE(slices->large.identity);
  EXPECT_EQ(slices->large.blocks, 0);
}

TEST(CompositeTest, PathsOfAnyWidthDepthHeadsAndBlockFit) {
  // 20 + 12 columns: 5 + 2 heads do not divide 32, heads of the first path's size 4 do.
  const std::vector<Parent> parents = {ParentOf(SmallPath("one", 20, 3, 5)),
                                       ParentOf(SmallDual("two"))};
  for (const char* kind : {"share", "routed", "slice"}) {
    const auto composite = CompositeOf(parents, std::nullopt, OptionsOf(kind));
    ASSERT_TRUE(composite.ok()) << kind << ": " << composite.status().message();
    EXPECT_EQ(composite->large.d, 32);
    EXPECT_EQ(composite->large.heads, 8);
    EXPECT_EQ(composite->large.block, Word("llama"));
    EXPECT_EQ(composite->large.ffn, 128);
    EXPECT_EQ(composite->paths[1].dual, SmallDual("two").dense.dual);
  }
}

TEST(CompositeTest, IncompatibleParentsAreNamedWithFieldAndValues) {
  const auto error = [](auto change) {
    auto parents = TwoParents();
    change(parents[1].spec);
    const Status status = CompositeOf(parents, std::nullopt, OptionsOf("slice")).status();
    EXPECT_EQ(status.reason(), "INCOMPATIBLE_PARENTS");
    return status.message();
  };
  EXPECT_THAT(error([](auto& s) { s.tokenizer = std::string(64, 'b'); }),
              HasSubstr("tokenizer of one is \"aaaaaaaaaaaaaaaa\", of two \"bbbbbbbbbbbbbbbb\"; "
                        "train both on one tokenizer"));
  EXPECT_THAT(error([](auto& s) { s.vocab = 41; }), HasSubstr("vocab of one is 40, of two 41"));
  EXPECT_THAT(error([](auto& s) { s.pad_id = 38; }), HasSubstr("pad_id of one is 39, of two 38"));
  EXPECT_THAT(error([](auto& s) { s.eos_id = 1; }), HasSubstr("eos_id of one is 0, of two 1"));
  EXPECT_THAT(error([](auto& s) { s.arch.attn_out_proj = false; }),
              HasSubstr("arch.attn_out_proj of one is true, of two false"));
  EXPECT_THAT(error([](auto& s) { s.arch.ffn_gate = Word("beta_swish"); }),
              HasSubstr("arch.ffn_gate of one is \"silu\", of two \"beta_swish\""));
  EXPECT_THAT(error([](auto& s) { s.arch.rope_layout = Word("interleaved"); }),
              HasSubstr("arch.rope_layout of one is \"half\", of two \"interleaved\""));
  EXPECT_THAT(error([](auto& s) { s.arch.rope_base = 5000; }),
              HasSubstr("arch.rope_base of one is 10000.0, of two 5000.0"));
  EXPECT_THAT(error([](auto& s) { s.arch.norm_eps = 1e-6; }),
              HasSubstr("arch.norm_eps of one is 1e-05, of two 1e-06"));
  EXPECT_THAT(error([](auto& s) { s.kind = model::Kind::kComposite; }),
              HasSubstr("parent two is a composite"));
}

TEST(CompositeTest, FieldsThatAreNoneOfTheWeightsMayDiffer) {
  auto parents = TwoParents();
  parents[1].spec.sequence = 32;
  parents[1].spec.arch.router_noise = Word("always");
  parents[1].spec.arch.rope_max_pos = 512;
  parents[1].spec.arch.residual_init = Word("depth_scaled");
  EXPECT_TRUE(CompositeOf(parents, std::nullopt, OptionsOf("share")).ok());
}

TEST(CompositeTest, NamesAndNumbersOfParents) {
  auto twins = TwoParents();
  twins[1].name = "one";
  EXPECT_THAT(CompositeOf(twins, std::nullopt, OptionsOf("share")).status().message(),
              HasSubstr("two parents are called one"));
  EXPECT_THAT(CompositeOf({twins[0]}, std::nullopt, OptionsOf("share")).status().message(),
              HasSubstr("at least two parents"));
  CompositeOptions dropping = OptionsOf("share");
  dropping.drop = {"one"};
  EXPECT_THAT(CompositeOf(TwoParents(), std::nullopt, dropping).status().message(),
              HasSubstr("there is no base whose paths"));
}

TEST(CompositeTest, ThePathsOfABaseAreSwappedAddedAndDropped) {
  const std::vector<Parent> three = {ParentOf(SmallPath("one")), ParentOf(SmallPath("two")),
                                     ParentOf(SmallPath("three"))};
  const Parent base = BaseOf(three, "share");
  CompositeOptions options = OptionsOf("share");
  options.drop = {"one"};
  const auto composite = CompositeOf(
      {ParentOf(SmallPath("four", 16)), ParentOf(SmallPath("two", 16))}, base, options);
  ASSERT_TRUE(composite.ok()) << composite.status().message();
  std::vector<std::string> names;
  for (const model::Stack& path : composite->paths)
    names.push_back(path.name + " " + std::to_string(path.d));
  EXPECT_THAT(names, testing::ElementsAre("two 16", "three 8", "four 16"));
  EXPECT_EQ(composite->large.d, 40);

  // Paths go, none comes: no parent is needed. The large blocks of a base stay while its width
  // does.
  EXPECT_EQ(CompositeOf({}, base, options)->paths.size(), 2u);
  Parent own = base;
  own.spec.large.heads = 2;
  EXPECT_EQ(CompositeOf({}, own, OptionsOf("share"))->large.heads, 2);

  own.spec.large.blocks = 1;
  EXPECT_EQ(CompositeOf({}, own, OptionsOf("share"))->large.blocks, 1);
  options.drop = {"one"};
  EXPECT_EQ(CompositeOf({}, own, options)->large.blocks, 1) << "also where they are new";

  options.drop = {"five"};
  EXPECT_THAT(CompositeOf({}, base, options).status().message(),
              HasSubstr("the base has no path five; it has one, two, three"));
  EXPECT_THAT(
      CompositeOf({}, base, OptionsOf("slice")).status().message(),
      HasSubstr("the paths of the base are joined by share, those of the composite by slice"));
  EXPECT_THAT(CompositeOf({}, ParentOf(SmallPath("one")), OptionsOf("share")).status().message(),
              HasSubstr("the base one is no composite"));
  Parent other = ParentOf(SmallPath("five"));
  other.spec.vocab = 41;
  EXPECT_THAT(CompositeOf({other}, base, OptionsOf("share")).status().message(),
              HasSubstr("vocab of base is 40, of five 41"));
  EXPECT_THAT(
      CompositeOf({ParentOf(SmallPath("base"))}, base, OptionsOf("share")).status().message(),
      HasSubstr("a parent is called base, which is what the account calls the base"));
}

TEST(CompositeTest, WhatIsAskedForMustBeThere) {
  const auto parents = TwoParents();
  const model::ModelSpec composite = CompositeOf(parents, std::nullopt, OptionsOf("share")).value();
  const auto error = [&](auto change) {
    model::ModelSpec asked = composite;
    change(asked);
    return CheckComposite(parents, std::nullopt, asked).message();
  };
  EXPECT_THAT(error([](auto& s) { s.paths[1].ffn = 30; }),
              HasSubstr("parent two is not what the composite expects as path 1 (two): ffn is 32, "
                        "the composite says 30"));
  EXPECT_THAT(
      error([](auto& s) { s.paths[0].blocks = 3; }),
      HasSubstr("parent one is not what the composite expects as path 0 (one): blocks is 2"));
  EXPECT_THAT(error([](auto& s) { s.arch.rope_layout = Word("interleaved"); }),
              HasSubstr("arch.rope_layout of one is \"half\", of the composite \"interleaved\""));
  EXPECT_THAT(error([](auto& s) { s.tokenizer = std::string(64, 'c'); }),
              HasSubstr("tokenizer of one is"));
  EXPECT_THAT(error([](auto& s) { s.paths.pop_back(); }),
              HasSubstr("the composite has 1 paths, there are 2 parents"));
  EXPECT_THAT(CheckComposite(parents, std::nullopt, SmallPath("dense")).message(),
              HasSubstr("spec.model is dense"));

  const Parent base = BaseOf(parents, "share");
  const auto base_error = [&](const std::vector<Parent>& given, auto change) {
    model::ModelSpec asked = composite;
    change(asked);
    return CheckComposite(given, base, asked).message();
  };
  EXPECT_THAT(base_error({ParentOf(SmallPath("six"))}, [](auto&) {}),
              HasSubstr("parent six is no path of the composite, which has one, two"));
  EXPECT_THAT(base_error({}, [](auto& s) { s.paths[1].name = "six"; }),
              HasSubstr("path six is neither a parent nor a path of the base, which has one, two; "
                        "give it as input parent.six"));
  EXPECT_THAT(base_error({}, [](auto& s) { s.paths[1].heads = 4; }),
              HasSubstr("path two of the base is not what the composite expects as path 1 (two): "
                        "heads is 2, the composite says 4"));
}

TEST(CompositeTest, EveryKnobOfADualBlockMustBeEqual) {
  const std::vector<Parent> parents = {ParentOf(SmallPath("one")), ParentOf(SmallDual("two"))};
  model::ModelSpec asked = CompositeOf(parents, std::nullopt, OptionsOf("slice")).value();
  asked.paths[1].dual.loops = 2;
  asked.paths[1].dual.mix = Word("final");
  EXPECT_THAT(CheckComposite(parents, std::nullopt, asked).message(),
              HasSubstr("dual.loops is 3, the composite says 2; dual.mix is \"act\", the composite "
                        "says \"final\""));
}

}  // namespace
}  // namespace braid::merge
