// Connections, routers, large blocks and unequal paths.
#include "recipe/parse/composite_section.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/recipe/small_recipe.h"
#include "tests/word.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;

model::ModelSpec SpecOf(const std::string& options) {
  return MustParse(Composed(options)).composites[0].spec;
}

TEST(CompositeSectionTest, ARouterHasThePublishedDefaults) {
  const model::ModelSpec spec = SpecOf("connect: routed");
  EXPECT_EQ(spec.connection.kind, Word("routed"));
  EXPECT_EQ(spec.connection.router, (model::Router{Word("gumbel"), Word("combined"), 1.0, true}));
  EXPECT_FALSE(
      MustParse("compat: paper\n" + Composed("connect: routed")).composites[0].spec.large.identity);
}

// N(0, 0.02), as published, drowns what the paths learned; `fixed` begins with what they compute.
TEST(CompositeSectionTest, ConnectionsBeginAsThePresetSays) {
  for (const char* kind : {"share", "routed"}) {
    const std::string connect = std::string("connect: ") + kind;
    EXPECT_EQ(SpecOf(connect).connection.init, Word("identity"));
    EXPECT_TRUE(SpecOf(connect).large.identity);
    const model::ModelSpec published =
        MustParse("compat: paper\n" + Composed(connect)).composites[0].spec;
    EXPECT_EQ(published.connection.init, Word("normal"));
    EXPECT_FALSE(published.large.identity);
    EXPECT_EQ(SpecOf(connect + ", connect_init: normal").connection.init, Word("normal"));
    EXPECT_FALSE(SpecOf(connect + ", connect_init: normal").large.identity);
    EXPECT_FALSE(SpecOf(connect + ", large: {identity: false}").large.identity);
    EXPECT_EQ(MustParse("compat: paper\n" + Composed(connect + ", connect_init: identity"))
                  .composites[0]
                  .spec.connection.init,
              Word("identity"));
  }
  EXPECT_EQ(SpecOf("connect: slice").connection.init, Word("normal"));  // it has no such maps
}

// `continue`: the joint phase begins where its paths ended.
TEST(CompositeSectionTest, AJointPhaseThatContinuesTakesNoWarmUpAndNoFactorFromTraining) {
  const std::string paths = "train: {lr_schedule: constant, warmup_steps: 9, warmup_start: 1e-4}\n";
  const auto joint = [&](const std::string& options, const std::string& more = "") {
    std::string text = Composed("connect: share, joint: {lr_schedule: continue" + options + "}");
    text.erase(text.rfind("train: "));
    return text + paths + more;
  };
  const Joint on = MustParse(joint("")).composites[0].joint;
  EXPECT_EQ(on.lr_schedule, Word("continue"));
  EXPECT_EQ(on.warmup_steps, 0);
  EXPECT_EQ(on.warmup_start, 0);
  EXPECT_EQ(on.lr_decay_fraction, 0.2);
  EXPECT_FALSE(MustParse(joint("")).defaults.contains("composites.0.joint.lr_factor"));
  EXPECT_EQ(MustParse(joint(", warmup_steps: 5")).composites[0].joint.warmup_steps, 5);
  EXPECT_EQ(MustParse(joint("", "joint: {warmup_steps: 7}\n")).composites[0].joint.warmup_steps, 7);
  EXPECT_EQ(MustParse(joint(", lr_decay_fraction: 0")).composites[0].joint.lr_decay_fraction, 0);
  for (const char* rate : {"lr_factor: 0.5", "optimizer: {lr: 1e-3}"}) {
    EXPECT_THAT(ErrorOf(joint(std::string(", ") + rate)),
                HasSubstr("does nothing: lr_schedule continue begins at the rate at which the "
                          "parents ended; leave it out, or give another lr_schedule"))
        << rate;
  }
}

// The recipe's joint phase continues, and one composite does not: it has the warm-up of `train`.
TEST(CompositeSectionTest, OnlyWhatContinuesLosesTheWarmUp) {
  std::string text = Replaced("{name: c}", "{name: c}\n  - {name: w, joint: {lr_schedule: wsd}}");
  text = Replaced("batch: 4", "batch: 4, lr_schedule: constant, warmup_steps: 9", text) +
         "joint: {lr_schedule: continue}\n";
  const Recipe recipe = MustParse(text);
  EXPECT_EQ(recipe.composites[0].joint.warmup_steps, 0);
  EXPECT_EQ(recipe.composites[1].joint.warmup_steps, 9);
  EXPECT_THAT(ErrorOf(Replaced("continue}", "continue, warmup_start: 1e-4}", text)),
              HasSubstr("joint.warmup_start: is of a warm-up; give warmup_steps too"));
  EXPECT_THAT(ErrorOf(Replaced("continue}", "continue, lr_min: 5e-3}", text)),
              HasSubstr("lr_min 0.005 is above the rate 0.001 at which path path_1 ends"));
}

TEST(CompositeSectionTest, WhatContinuesNeedsARateToContinueAt) {
  EXPECT_THAT(ErrorOf(Composed("joint: {lr_schedule: continue}")),
              HasSubstr("r.yaml:10:22: composites.0.joint: lr_schedule continue begins at the rate "
                        "at which the parents ended, and path path_1 ends at 0 (lr_schedule "
                        "cosine, lr_min 0); train the paths with lr_schedule constant, or give "
                        "them lr_min"));
  MustParse(
      Replaced("batch: 4", "batch: 4, lr_min: 1e-4", Composed("joint: {lr_schedule: continue}")));
  MustParse(Replaced("batch: 4", "batch: 4, lr_schedule: wsd, lr_decay_fraction: 0",
                     Composed("joint: {lr_schedule: continue}")));
  // What a path was before the run, its checkpoint says.
  MustParse(Replaced("corpus: tales", "corpus: tales, from: ./a",
                     Replaced("corpus: sums", "corpus: sums, from: ./b",
                              Composed("joint: {lr_schedule: continue}"))));
  EXPECT_THAT(ErrorOf(Replaced("batch: 4", "batch: 4, lr_schedule: continue")),
              HasSubstr("paths.0.train: lr_schedule continue begins at the rate at which the "
                        "training of start ended; give start or continue, or another "
                        "lr_schedule"));
  // Paths that were trained before are not trained here, whatever the recipe's `train` says.
  const std::string trained = Replaced("corpus: tales", "corpus: tales, from: ./a",
                                       Replaced("corpus: sums", "corpus: sums, from: ./b"));
  MustParse(Replaced("blocks: 4}", "blocks: 4, train: {lr_schedule: constant}}",
                     Replaced("batch: 4", "batch: 4, lr_schedule: continue", trained)));
  MustParse(Replaced("corpus: tales", "corpus: tales, start: ./a, train: {lr_schedule: continue}"));
}

// Connections that begin as identities train best at half the rate of their paths.
TEST(CompositeSectionTest, JointRatesAreAShareOfTheTrainingsUnlessTheyAreNamed) {
  const auto rate = [](const std::string& options, const std::string& joint = "") {
    return MustParse(Composed(options) + joint).composites[0].joint.optimizer.lr;
  };
  EXPECT_EQ(rate("connect: share"), 5e-4);  // of 1e-3
  EXPECT_EQ(rate("connect: routed"), 5e-4);
  EXPECT_EQ(rate("connect: slice"), 1e-3);
  EXPECT_EQ(rate("connect: share, joint: {lr_factor: 1}"), 1e-3);
  EXPECT_EQ(rate("connect: slice", "joint: {lr_factor: 0.25}\n"), 2.5e-4);
  EXPECT_EQ(rate("connect: share, joint: {optimizer: {lr: 2e-3}}"), 2e-3);
  EXPECT_EQ(rate("connect: share", "joint: {optimizer: {lr: 2e-3}}\n"), 2e-3);
  EXPECT_EQ(rate("connect: share, joint: {optimizer: {weight_decay: 0}}"), 5e-4);
  EXPECT_EQ(
      MustParse("compat: paper\n" + Composed("connect: share")).composites[0].joint.optimizer.lr,
      1e-3);
  const spec::Train train =
      MustParse(Replaced("lr: 1e-3}", "lr: 1e-3}, lr_min: 8e-4")).composites[0].joint;
  EXPECT_EQ(train.lr_min, 4e-4);  // the whole curve is lower
  EXPECT_EQ(MustParse(Replaced("lr: 1e-3}", "lr: 1e-3}, lr_min: 1e-5") + "joint: {lr_min: 1e-6}\n")
                .composites[0]
                .joint.lr_min,
            1e-6);
  EXPECT_THAT(ErrorOf(Composed("joint: {lr_factor: 0}")),
              HasSubstr("composites.0.joint.lr_factor: must be above 0"));
  EXPECT_THAT(
      ErrorOf(Composed("joint: {lr_factor: 0.5, optimizer: {lr: 1e-3}}")),
      HasSubstr(
          "composites.0.joint.lr_factor: is of rates that come from train; joint has its own"));
}

// There is nothing to hand on.
TEST(CompositeSectionTest, ConnectionsFromScratchBeginAtRandom) {
  const std::string paths = "paths: [{d: 64, heads: 2, blocks: 3}, {d: 64, heads: 2, blocks: 2}]";
  EXPECT_EQ(
      MustParse(Replaced("d: 128, heads: 4, blocks: 4", paths)).baselines[0].spec.connection.init,
      Word("normal"));
  EXPECT_EQ(MustParse(Replaced("d: 128, heads: 4, blocks: 4", paths + ", connect_init: identity"))
                .baselines[0]
                .spec.connection.init,
            Word("identity"));
}

TEST(CompositeSectionTest, ReadsEveryOptionOfARouter) {
  const model::ModelSpec spec = SpecOf(
      "connect: routed, router: {kind: top1, input: x, tau: 0.5}, residual: true, norm: true");
  EXPECT_EQ(spec.connection.router, (model::Router{Word("top1"), Word("x"), 0.5, true}));
  EXPECT_TRUE(spec.connection.residual);
  EXPECT_TRUE(spec.connection.norm);
  EXPECT_FALSE(
      SpecOf("connect: routed, router: {kind: softmax}").connection.router.hard);  // a mixture
  EXPECT_TRUE(
      SpecOf("connect: routed, router: {kind: softmax, hard: true}").connection.router.hard);
}

TEST(CompositeSectionTest, ASlicePreservesItsParents) {
  const model::ModelSpec spec = SpecOf("connect: slice");
  EXPECT_EQ(spec.connection, (model::Connection{.kind = Word("slice")}));
  EXPECT_TRUE(spec.large.identity);
  const model::ModelSpec other = SpecOf(
      "connect: slice, cross: true, gate: false, weights: [0.7, 0.3], large: {identity: false, "
      "heads: 2, ffn: 100}");
  EXPECT_EQ(other.connection,
            (model::Connection{
                .kind = Word("slice"), .cross = true, .gate = false, .weights = {0.7, 0.3}}));
  EXPECT_FALSE(other.large.identity);
  EXPECT_EQ(other.large.heads, 2);
  EXPECT_EQ(other.large.ffn, 100);
  EXPECT_EQ(SpecOf("connect: slice, scale: sum").connection.scale, Word("sum"));
  EXPECT_EQ(SpecOf("connect: slice, cross: true, cross_rank: 16").connection.cross_rank, 16);
}

TEST(CompositeSectionTest, LargeBlocksMayBeOfAnyKind) {
  const model::Stack large =
      SpecOf(
          "large: {block: dual_path, dual: {loops: 2, ffn_deep: 32, ffn_wide: 64}, identity: true}")
          .large;
  EXPECT_EQ(large.block, Word("dual_path"));
  EXPECT_EQ(large.dual.loops, 2);
  EXPECT_EQ(large.blocks, 2);
  EXPECT_TRUE(large.identity);
}

TEST(CompositeSectionTest, PathsMayBeUnequal) {
  const auto large = [](const std::string& shape) {
    return MustParse(Replaced("corpus: sums, d: 64, heads: 2, blocks: 3", "corpus: sums, " + shape))
        .composites[0]
        .spec.large;
  };
  EXPECT_EQ(large("d: 32, heads: 1, blocks: 5").d, 96);
  EXPECT_EQ(large("d: 32, heads: 1, blocks: 5").heads, 3);  // together
  EXPECT_EQ(large("d: 32, heads: 4, blocks: 1").heads, 6);  // together: 96 / 6 is even
  EXPECT_EQ(large("d: 64, heads: 1, blocks: 1").heads, 4);  // 3 does not divide 128: heads of the
                                                            // first path's size, 32
  EXPECT_EQ(ErrorOf(Replaced("corpus: sums, d: 64, heads: 2, blocks: 3",
                             "corpus: sums, d: 48, heads: 1, blocks: 1")),
            "r.yaml:10:5: composites.0.large: neither the paths' heads together nor heads of the "
            "first path's size divide width 112 evenly; "
            "give large.heads");
}

TEST(CompositeSectionTest, LargeBlocksMayBeOneOrNone) {
  EXPECT_EQ(SpecOf("connect: share").large.blocks, 2);
  EXPECT_EQ(SpecOf("connect: slice").large.blocks, 0);
  EXPECT_EQ(SpecOf("connect: slice, large: {heads: 2}").large.blocks, 2) << "described, so wanted";
  const model::Stack one = SpecOf("connect: slice, large: {blocks: 1, heads: 2}").large;
  EXPECT_EQ(one.blocks, 1);
  EXPECT_EQ(one.heads, 2);
  EXPECT_TRUE(one.identity);
  EXPECT_EQ(SpecOf("large: {blocks: 0}").large.blocks, 0);
  // Where there is none, its heads need not be said.
  EXPECT_EQ(MustParse(Replaced("{name: c}", "{name: c, large: {blocks: 0}}",
                               Replaced("corpus: sums, d: 64, heads: 2, blocks: 3",
                                        "corpus: sums, d: 48, heads: 1, blocks: 1")))
                .composites[0]
                .spec.large.d,
            112);
}

class OptionTest : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(OptionTest, IsRefusedWithItsPlace) {
  const auto& [options, error] = GetParam();
  const std::string found = ErrorOf(Composed(options));
  EXPECT_THAT(found, testing::MatchesRegex("r\\.yaml:10:[0-9]+: composites\\.0\\..*"));
  EXPECT_THAT(found, HasSubstr(std::string("composites.0.") + error));
}

INSTANTIATE_TEST_SUITE_P(
    Options, OptionTest,
    testing::Values(
        std::pair{
            "connect: rooted",
            "connect: expected share or routed or slice, found \"rooted\"; did you mean routed?"},
        std::pair{"router: {kind: gumbel}", "router: is of connect routed; here it is share"},
        std::pair{"connect: slice, residual: true",
                  "residual: is of connect share or routed; here it is slice"},
        std::pair{"connect: slice, norm: true",
                  "norm: is of connect share or routed; here it is slice"},
        std::pair{"connect: slice, connect_init: identity",
                  "connect_init: is of connect share or routed; here it is slice"},
        std::pair{"connect_init: orthogonl",
                  "connect_init: expected normal or identity or orthogonal, found \"orthogonl\"; "
                  "did you mean orthogonal?"},
        std::pair{"cross: true", "cross: is of connect slice; here it is share"},
        std::pair{"cross_rank: 4", "cross_rank: is of connect slice; here it is share"},
        std::pair{"connect: slice, cross_rank: 4", "cross_rank: is of cross; give cross: true too"},
        std::pair{"connect: slice, cross: true, cross_rank: 64",
                  "cross_rank: two maps of rank 64 are no smaller than a whole one of width 128; "
                  "give less than 64, or leave it out"},
        std::pair{"connect: routed, weights: [1, 1]",
                  "weights: is of connect slice; here it is routed"},
        std::pair{"connect: routed, router: {tau: 0}", "router.tau: must be above 0"},
        std::pair{"connect: routed, router: {kind: top1, hard: false}",
                  "router.hard: top1 takes one choice always"},
        std::pair{"connect: routed, router: {kind: none, tau: 2}",
                  "router.tau: is of routers that choose; none weighs all alike"},
        std::pair{"connect: routed, router: {knd: top1}",
                  "router.knd: no such key; did you mean kind?"},
        std::pair{"connect: slice, weights: [1]", "weights: has 1 numbers for 2 paths"},
        std::pair{"connect: slice, weights: [1, x]",
                  "weights: expected a list of numbers, found [1.0,\"x\"]"},
        std::pair{"connect: slice, scale: sum, weights: [1, 1]",
                  "weights: stands in the place of scale; give one of the two"},
        std::pair{"large: {heads: 3}", "large.heads: 3 heads do not divide width 128"},
        std::pair{"large: {blocks: 3}", "large.blocks: must be in 0 .. 2, is 3"},
        std::pair{"large: {blocks: 0, ffn: 64}",
                  "large.ffn: is of large blocks, and blocks: 0 leaves none; take one of the two "
                  "out"},
        std::pair{"paths: [path_1]", "paths: a composite needs at least two paths"},
        std::pair{"paths: [path_1, path_1]", "paths: \"path_1\" appears twice"},
        std::pair{"paths: [path_1, path2]",
                  "paths: there is no path \"path2\"; did you mean path_2?"},
        std::pair{"paths: [path_1, {name: old, corpus: tales, d: 64, heads: 2, blocks: 1}]",
                  "paths.1.name: a path with a shape of its own is one that stays in a base; "
                  "without base, name a path of the recipe"},
        std::pair{
            "base: ./old, paths: [path_1, {name: old, corpus: tale, d: 64, heads: 2, blocks: 1}]",
            "paths.1.corpus: there is no corpus \"tale\"; corpora has tales, sums"},
        std::pair{"joint: {ranks: 3}",
                  "joint.ranks: 3 ranks do not divide a batch of 4 sequences"}));

TEST(CompositeSectionTest, ABaselineFromScratchTakesItsWidthFromItsPaths) {
  const std::string paths =
      "connect: routed, paths: [{d: 64, heads: 2, blocks: 3}, {d: 32, heads: 1, blocks: 2}]";
  const Recipe recipe = MustParse(Replaced("d: 128, heads: 4, blocks: 4", paths));
  EXPECT_EQ(recipe.baselines[0].spec.kind, model::Kind::kComposite);
  EXPECT_EQ(recipe.baselines[0].spec.large.d, 96);
  EXPECT_EQ(recipe.baselines[0].spec.paths[1].name, "path_2");
  EXPECT_THAT(ErrorOf(Replaced("d: 128, heads: 4, blocks: 4", "d: 96, " + paths)),
              HasSubstr("baselines.0.d: no such key"));
  EXPECT_THAT(
      ErrorOf(Replaced("d: 128, heads: 4, blocks: 4", "paths: [{d: 64, heads: 2, blocks: 3}]")),
      HasSubstr("baselines.0.paths: a composite needs at least two paths"));
}

}  // namespace
}  // namespace braid::recipe
