#include "model/dual_width.h"

#include <gmock/gmock.h>

#include "model/flops.h"
#include "model/tensors.h"
#include "tests/word.h"

namespace braid::model {
namespace {

using ::testing::HasSubstr;

// The published sweep (docs/papers/dual_path.md#s5): F_M in M, block, alpha in %,
// K, d_ffn deep and wide, h_eff deep and wide, parameters, accountings A and B in MFLOP per token
// and layer at T = 4096.
struct Row {
  int budget;
  const char* block;
  int alpha;
  int64_t K, f_deep, f_wide, h_deep, h_wide, parameters;
  double A, B;
};

constexpr Row kSweep[] = {
    {80, "wide", 0, 1, 0, 24576, 0, 16384, 719'022'864, 80.22, 86.5},
    {80, "loop", 0, 2, 11392, 0, 7680, 0, 398'170'944, 80.22, 92.8},
    {80, "loop", 0, 3, 7104, 0, 4864, 0, 294'361'936, 81.40, 100.3},
    {80, "loop", 0, 4, 4864, 0, 3328, 0, 237'738'848, 80.22, 105.4},
    {80, "dual_path", 25, 2, 1600, 17920, 1280, 12032, 643'588'976, 81.40, 100.3},
    {80, "dual_path", 25, 3, 576, 17920, 512, 12032, 615'277'440, 81.40, 106.6},
    {80, "dual_path", 25, 4, 64, 17920, 256, 12032, 605'840'272, 83.76, 115.2},
    {80, "dual_path", 50, 2, 4864, 11392, 3328, 7680, 558'654'320, 80.22, 99.1},
    {80, "dual_path", 50, 3, 2752, 11392, 2048, 7680, 511'468'416, 82.58, 107.7},
    {80, "dual_path", 50, 4, 1600, 11392, 1280, 7680, 483'156'880, 82.58, 114.0},
    {80, "dual_path", 75, 2, 8128, 4864, 5632, 3328, 483'156'848, 81.40, 100.3},
    {80, "dual_path", 75, 3, 4864, 4864, 3328, 3328, 398'222'208, 80.22, 105.4},
    {80, "dual_path", 75, 4, 3264, 4864, 2304, 3328, 360'473'488, 81.40, 112.9},
    {160, "wide", 0, 1, 0, 50624, 0, 33792, 1'360'751'376, 160.43, 166.7},
    {160, "loop", 0, 2, 24448, 0, 16384, 0, 719'035'200, 160.44, 173.0},
    {160, "loop", 0, 3, 15744, 0, 10496, 0, 501'979'984, 159.26, 178.1},
    {160, "loop", 0, 4, 11392, 0, 7680, 0, 398'170'976, 160.44, 185.6},
    {160, "dual_path", 25, 2, 4864, 37440, 3328, 25088, 1'200'382'832, 160.44, 179.3},
    {160, "dual_path", 25, 3, 2752, 37440, 2048, 25088, 1'153'196'928, 162.80, 188.0},
    {160, "dual_path", 25, 4, 1600, 37440, 1280, 25088, 1'124'885'392, 162.80, 194.3},
    {160, "dual_path", 50, 2, 11392, 24448, 7680, 16384, 1'039'950'704, 160.44, 179.3},
    {160, "dual_path", 50, 3, 7104, 24448, 4864, 16384, 936'141'696, 161.62, 186.8},
    {160, "dual_path", 50, 4, 4864, 24448, 3328, 16384, 879'518'608, 160.44, 191.9},
    {160, "dual_path", 75, 2, 17920, 11392, 12032, 7680, 879'518'576, 160.44, 179.3},
    {160, "dual_path", 75, 3, 11392, 11392, 7680, 7680, 719'086'464, 160.44, 185.6},
    {160, "dual_path", 75, 4, 8128, 11392, 5632, 7680, 643'589'008, 162.80, 194.3},
};

ModelSpec Published(const Row& row) {
  ModelSpec spec;
  spec.name = "m";
  spec.vocab = 50304;
  spec.pad_id = 50303;
  spec.sequence = 4096;
  spec.dense = {"m", 768, 12, 16, 0, Word(row.block)};
  if (spec.dense.has_deep()) spec.dense.dual.loops = row.K;
  spec.dense.dual.ffn_deep = row.h_deep;
  spec.dense.dual.ffn_wide = row.h_wide;
  spec.dense.dual.qk_norm = true;
  return spec;
}

class PublishedSweep : public testing::TestWithParam<Row> {};

TEST_P(PublishedSweep, SolverFindsTheWidths) {
  const Row row = GetParam();
  WidthProblem problem{Word(row.block), 768, row.K, row.budget * 1e6,
                       row.alpha == 0 ? 0.5 : row.alpha / 100.0};
  const auto widths = SolveWidths(problem);
  ASSERT_TRUE(widths.ok()) << widths.status().message();
  EXPECT_EQ(widths->deep, row.f_deep);
  EXPECT_EQ(widths->wide, row.f_wide);
  EXPECT_EQ(EffectiveWidth(row.f_deep, 256), row.h_deep);
  EXPECT_EQ(EffectiveWidth(row.f_wide, 256), row.h_wide);
}

TEST_P(PublishedSweep, ParametersAreExact) {
  EXPECT_EQ(ParameterCount(Published(GetParam())), GetParam().parameters);
}

TEST_P(PublishedSweep, BothAccountingsOfOperations) {
  const ModelSpec spec = Published(GetParam());
  ASSERT_TRUE(Validate(spec).ok()) << Validate(spec).message();
  const Flops layer = BlockFlops(spec.dense, spec.arch, spec.sequence);
  EXPECT_NEAR(layer.projections / 1e6, GetParam().A, 0.006);
  EXPECT_NEAR(layer.causal() / 1e6, GetParam().B, 0.06);
  EXPECT_DOUBLE_EQ(ForwardFlops(spec).projections, 16 * layer.projections + 2.0 * 50304 * 768);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedSweep, testing::ValuesIn(kSweep));

// Section 9.1: parameters of three blocks and a norm at d = 128, without embedding and head.
TEST(DualBlockTest, ParametersOfTheSmallArms) {
  const auto body = [](const char* block, int64_t K, int64_t deep, int64_t wide) {
    ModelSpec spec;
    spec.name = "m";
    spec.vocab = 100;
    spec.dense = {"m", 128, 4, 3, 0, Word(block)};
    spec.dense.dual.loops = K;
    spec.dense.dual.ffn_deep = deep;
    spec.dense.dual.ffn_wide = wide;
    return BodyParameterCount(spec);
  };
  EXPECT_EQ(body("wide", 1, 0, 2560), 3'146'627);
  EXPECT_EQ(body("loop", 2, 1184, 0), 1'561'868);
  EXPECT_EQ(body("loop", 4, 480, 0), 750'866);
  EXPECT_EQ(body("dual_path", 2, 160, 1856), 2'718'485);
  EXPECT_EQ(body("dual_path", 2, 480, 1184), 2'312'981);
  EXPECT_EQ(body("dual_path", 4, 160, 1184), 1'944'347);
  EXPECT_EQ(body("dual_path", 4, 320, 480), 1'317'659);
}

TEST(SolverTest, TotalGivesBaselinesTheScoresOfTheDualModel) {
  const int64_t T = 4096, d = 768;
  const double score = 2.0 * T * d;
  WidthProblem loop{Word("loop"), d, 4, 80e6, 0.5, Word("total"), T};
  const auto widths = SolveWidths(loop);
  ASSERT_TRUE(widths.ok());
  WidthProblem same{Word("loop"), d, 4, 80e6 + score, 0.5};
  EXPECT_EQ(widths->deep, SolveWidths(same)->deep);
  // Against a dual model of K = 4 a wide one, of a single pass, gets the scores of four more.
  WidthProblem wide{Word("wide"), d, 1, 80e6, 0.5, Word("total"), T};
  wide.against = 4;
  EXPECT_EQ(SolveWidths(wide)->wide, SolveWidths({Word("wide"), d, 1, 80e6 + 4 * score})->wide);
  // By hand: (80e6 + 4 * 2 * 4096 * 768 - 8 * 768^2) / (6 * 768) = 21798.2, up to 21824; 1.5 times
  // that, up to 32768.
  EXPECT_EQ(SolveWidths(wide)->wide, 32768);
  loop.against = 2;
  EXPECT_EQ(SolveWidths(loop)->deep, SolveWidths({Word("loop"), d, 4, 80e6 - score})->deep);
  WidthProblem dual{Word("dual_path"), d, 4, 80e6, 0.5, Word("total"), T};
  EXPECT_EQ(SolveWidths(dual)->deep, 1600);  // as published: the dual model keeps F_M
}

TEST(SolverTest, ABudgetThatIsTooSmallNamesThePath) {
  WidthProblem problem{Word("dual_path"), 128, 4, 32.0 * 128 * 128, 0.5};
  EXPECT_THAT(SolveWidths(problem).status().message(), HasSubstr("the deep path"));
  problem.alpha = 1;
  EXPECT_THAT(SolveWidths(problem).status().message(), HasSubstr("alpha"));
}

}  // namespace
}  // namespace braid::model
