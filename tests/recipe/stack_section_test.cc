// Blocks in a recipe: their knobs, their widths, and that knobs of other blocks are errors with
// their place.
#include "recipe/parse/stack_section.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/recipe/small_recipe.h"
#include "tests/word.h"

namespace braid::recipe {
namespace {

using testing::HasSubstr;

// The second path, with this block.
std::string WithBlock(const std::string& block, const std::string& dual) {
  return Replaced(
      "corpus: sums, d: 64, heads: 2, blocks: 3}",
      "corpus: sums, d: 64, heads: 2, blocks: 3, block: " + block + ", dual: {" + dual + "}}");
}

model::Stack StackOf(const std::string& block, const std::string& dual) {
  return MustParse(WithBlock(block, dual)).paths[1].spec.dense;
}

TEST(StackSectionTest, ReadsEveryKnob) {
  const model::Stack stack = StackOf(
      "dual_path",
      "loops: 4, ffn_deep: 160, ffn_wide: 1184, gate: convex, skip_last_router: false, "
      "residual: preserved, scale_init: 0.5413, scale_decay: true, qk_norm: true, cross: true");
  EXPECT_EQ(stack.block, Word("dual_path"));
  EXPECT_EQ(stack.dual, (model::Dual{4, 160, 1184, Word("convex"), Word("act"), Word("preserved"),
                                     false, 0.5413, true, true, true}));
  EXPECT_EQ(stack.ffn, 0);
  EXPECT_EQ(StackOf("loop", "loops: 2, ffn_deep: 8, mix: uniform").dual.mix, Word("uniform"));
}

std::string WithHeads(const std::string& heads) {
  return Replaced("corpus: sums, d: 64, heads: 2, blocks: 3}",
                  "corpus: sums, d: 64, heads: 4, blocks: 3, " + heads + "}");
}

TEST(StackSectionTest, QueriesMayShareKeys) {
  EXPECT_EQ(MustParse(WithHeads("kv_heads: 2")).paths[1].spec.dense.kv_heads, 2);
  EXPECT_EQ(MustParse(WithHeads("kv_heads: 4")).paths[1].spec.dense.kv_heads, 0);  // as without
  EXPECT_THAT(ErrorOf(WithHeads("kv_heads: 3")),
              HasSubstr("paths.1.kv_heads: 3 heads of keys and values do not divide 4 heads of "
                        "queries"));
  // What attention does not cost is the feed-forward's: 4 d (64 + 16) = 20,480 of 524,288 leave
  // 503,808 / (6 d) = 1312 of width, which the published rule rounds up to 1344, 2048 and 1408.
  const std::string wide = "kv_heads: 1, block: wide, dual: {budget: 524288}";
  EXPECT_EQ(MustParse(WithHeads(wide)).paths[1].spec.dense.dual.ffn_wide, 1408);
}

TEST(StackSectionTest, DefaultsAreThePublishedOnes) {
  model::Dual usual;
  usual.loops = 2;
  usual.ffn_deep = 64;
  usual.ffn_wide = 128;
  EXPECT_EQ(StackOf("dual_path", "loops: 2, ffn_deep: 64, ffn_wide: 128").dual, usual);
}

TEST(StackSectionTest, ThePublishedRuleTakesTwoThirds) {
  // 2/3 of 4864 is 3242.67: the next multiple of 256 is 3328, of 64 it is 3264.
  EXPECT_EQ(StackOf("wide", "ffn_rule: paper, d_ffn_wide: 4864").dual.ffn_wide, 3328);
  EXPECT_EQ(StackOf("wide", "ffn_rule: paper, multiple: 64, d_ffn_wide: 4864").dual.ffn_wide, 3264);
  EXPECT_EQ(StackOf("loop", "loops: 2, ffn_rule: paper, d_ffn_deep: 1600").dual.ffn_deep, 1280);
}

TEST(StackSectionTest, ABudgetGivesTheWidths) {
  // At d = 64: attention 8 d^2 = 32,768; the deep path gets (0.5 (524,288 - 256 - 260) / 2) -
  // 32,768 = 98,175 -> 255.7 of width.
  const model::Stack stack = StackOf("dual_path", "loops: 2, budget: 524288");
  EXPECT_EQ(stack.dual.ffn_deep, 192);
  EXPECT_EQ(stack.dual.ffn_wide, 576);  // 0.5 * 523,772 - 32,768 = 229,118 -> 596.7
  EXPECT_EQ(StackOf("wide", "budget: 524288").dual.ffn_wide, 1280);
  EXPECT_GT(StackOf("dual_path", "loops: 2, budget: 524288, alpha: 0.75").dual.ffn_deep, 192);
  // Beside a dual model of K = 4 a single pass gets the scores of 4 more, 2 * 256 * 64 each:
  // (655,360 - 32,768) / 384 = 1621.3 of width.
  EXPECT_EQ(StackOf("wide", "budget: 524288, flop_match: total, against: 4").dual.ffn_wide, 1664);
}

class KnobTest : public testing::TestWithParam<std::tuple<const char*, const char*, const char*>> {
};

TEST_P(KnobTest, IsRefusedWithItsPlace) {
  const auto& [block, dual, error] = GetParam();
  const std::string found = ErrorOf(WithBlock(block, dual));
  EXPECT_THAT(found, testing::StartsWith("r.yaml:8:"));
  EXPECT_THAT(found, HasSubstr(std::string("paths.1.dual") + error));
  EXPECT_THAT(found, testing::Not(HasSubstr("\n"))) << "one error alone";
}

INSTANTIATE_TEST_SUITE_P(
    Knobs, KnobTest,
    testing::Values(
        std::tuple{"wide", "ffn_wide: 8, loops: 2",
                   ".loops: is of loop or dual_path blocks; a wide block has no such knob"},
        std::tuple{"wide", "ffn_wide: 8, mix: act",
                   ".mix: is of loop or dual_path blocks; a wide block has no such knob"},
        std::tuple{"loop", "loops: 2, ffn_deep: 8, ffn_wide: 8",
                   ".ffn_wide: is of wide or dual_path blocks; a loop block has no such knob"},
        std::tuple{"loop", "loops: 2, ffn_deep: 8, gate: fixed",
                   ".gate: is of dual_path blocks; a loop block has no such knob"},
        std::tuple{"loop", "loops: 2, ffn_deep: 8, alpha: 0.5",
                   ".alpha: is of dual_path blocks; a loop block has no such knob"},
        std::tuple{"loop", "ffn_deep: 8", ".loops: is missing"},
        std::tuple{"loop", "loops: 2, ffn_deep: 8, mix: final, skip_last_router: false",
                   ".skip_last_router: is of mix: act; final has no router"},
        std::tuple{"loop", "loops: 65, ffn_deep: 8", ".loops: must be in 1 .. 64, is 65"},
        std::tuple{"wide", "qk_norm: true", ".ffn_wide: is missing"},
        std::tuple{"wide", "ffn_rule: paper, ffn_wide: 8, d_ffn_wide: 12",
                   ".ffn_wide: under ffn_rule paper write d_ffn_wide, before the 2/3 rule"},
        std::tuple{"wide", "ffn_wide: 8, d_ffn_wide: 12",
                   ".d_ffn_wide: is read under ffn_rule paper; otherwise write ffn_wide, the "
                   "hidden width itself"},
        std::tuple{"wide", "ffn_wide: 8, multiple: 64", ".multiple: is a part of ffn_rule paper"},
        std::tuple{"wide", "ffn_wide: 8, budget: 1e6",
                   ".ffn_wide: budget decides the widths; give one of the two"},
        std::tuple{"wide", "ffn_wide: 8, flop_match: total",
                   ".flop_match: is of widths that are solved for; give budget too"},
        std::tuple{"wide", "budget: 524288, flop_match: total", ".against: is missing"},
        std::tuple{"wide", "budget: 524288, against: 4",
                   ".against: is of wide and loop blocks under flop_match: total"},
        std::tuple{"dual_path", "loops: 4, budget: 100000",
                   ".budget: the budget leaves the deep path nothing for a feed-forward"},
        std::tuple{"wide", "budget: 100", ".budget: attention alone costs more"},
        std::tuple{"dual_path", "loops: 2, budget: 1e18",
                   ".budget: it would make a feed-forward of width"},
        std::tuple{"loop", "loops: 2, budget: 1e18",
                   ".budget: it would make a feed-forward of width"},
        std::tuple{"wide", "budget: 1e25", ".budget: it would make a feed-forward of width"},
        std::tuple{"dual_path", "loops: 2, budget: 1e6, alpha: 1",
                   ".alpha: must be above 0 and below 1"},
        std::tuple{"wide", "ffn_wide: 8, scale_init: .inf", ".scale_init: "},
        std::tuple{"dual_path", "loops: 2, ffn_deep: 8, ffn_wide: 8, gate: convx",
                   ".gate: expected two_gates or convex or softmax or fixed, found \"convx\"; did "
                   "you mean convex?"},
        std::tuple{"dual_path", "loops: 2, ffn_deep: 8, ffn_wide: 8, skip_lastrouter: true",
                   ".skip_lastrouter: no such key; did you mean skip_last_router?"}));

TEST(StackSectionTest, KnobsBelongToTheirBlocks) {
  EXPECT_EQ(
      ErrorOf(Replaced("corpus: sums, d: 64, heads: 2, blocks: 3",
                       "corpus: sums, d: 64, heads: 2, blocks: 3, dual: {loops: 2}")),
      "r.yaml:8:68: paths.1.dual: a llama block has no such knobs; give block wide or loop or "
      "dual_path");
  EXPECT_EQ(
      ErrorOf(Replaced(
          "corpus: sums, d: 64, heads: 2, blocks: 3",
          "corpus: sums, d: 64, heads: 2, blocks: 3, block: wide, ffn: 64, dual: {ffn_wide: 8}")),
      "r.yaml:8:80: paths.1.ffn: is of llama blocks; the widths of a wide block are in dual");
  EXPECT_EQ(ErrorOf(Replaced("corpus: sums, d: 64, heads: 2, blocks: 3",
                             "corpus: sums, d: 64, heads: 2, blocks: 3, block: wide")),
            "r.yaml:8:5: paths.1.dual: is missing");
  EXPECT_THAT(ErrorOf(Replaced("corpus: sums, d: 64, heads: 2, blocks: 3",
                               "corpus: sums, d: 64, heads: 2, blocks: 3, block: dualpath")),
              HasSubstr("paths.1.block: expected llama or wide or loop or dual_path, found "
                        "\"dualpath\"; did you mean dual_path?"));
}

}  // namespace
}  // namespace braid::recipe
