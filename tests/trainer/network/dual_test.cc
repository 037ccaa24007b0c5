// The dual-path block: equivalences, interventions and read-outs (docs/papers/dual_path.md#s7, #s9,
// #s10).
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/random.h"
#include "tests/word.h"
#include "trainer/network/network.h"

namespace braid::trainer {
namespace {

constexpr int64_t kDualVocab = 53, kLoops = 3;
const double kOne = std::log(std::exp(1.0) - 1.0);  // softplus of it is 1

std::unique_ptr<Network> Make(const model::ModelSpec& spec) {
  ConfigureRuntime(1);
  auto network = Network::Create(spec, "cpu").value();
  network->Initialize(5);
  return network;
}

float* At(Network& network, const std::string& name) {
  return network.parameters() + network.layout().at(name).offset;
}

// Every tensor of `to` whose name, with `from_prefix` for `to_prefix`, `from` has.
void Copy(Network& from, const std::string& from_prefix, Network& to,
          const std::string& to_prefix) {
  for (const Layout::Slot& slot : to.layout().slots) {
    std::string name = slot.tensor.name;
    const size_t place = name.find(to_prefix);
    if (place == std::string::npos) continue;
    name.replace(place, to_prefix.size(), from_prefix);
    if (from.layout().by_name.contains(name)) {
      std::copy_n(At(from, name), slot.tensor.elements(), to.parameters() + slot.offset);
    }
  }
}

void CopyShared(Network& from, Network& to) {
  for (const char* name : {"embed.weight", "norm.weight", "head.weight"}) {
    std::copy_n(At(from, name), from.layout().at(name).tensor.elements(), At(to, name));
  }
}

bool Same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  return worst;
}

// Sequences of 16 tokens, which are fewer rows than the functions of whole halves of blocks take,
// and of 40, which are more and fill no piece.
class DualTest : public ::testing::TestWithParam<int64_t> {
 protected:
  model::ModelSpec Spec(const std::string& block) const {
    model::ModelSpec spec;
    spec.name = "m";
    spec.vocab = kDualVocab;
    spec.pad_id = kDualVocab - 1;
    spec.sequence = tokens_;
    spec.dense = {"m", 24, 2, 2, 0, Word(block)};
    if (block == "llama") spec.dense.ffn = 40;
    if (spec.dense.has_deep()) spec.dense.dual.loops = kLoops;
    if (spec.dense.has_deep()) spec.dense.dual.ffn_deep = 40;
    if (spec.dense.has_wide()) spec.dense.dual.ffn_wide = 40;
    return spec;
  }

  std::vector<int32_t> Ids() const {
    const RandomStream draws(8, "tokens");
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < tokens_; ++i)
      ids.push_back(static_cast<int32_t>(draws.Below(static_cast<uint64_t>(i), kDualVocab - 1)));
    return ids;
  }

  const int64_t tokens_ = GetParam();
};
INSTANTIATE_TEST_SUITE_P(Tokens, DualTest, ::testing::Values(16, 40));

TEST_P(DualTest, WideWithScaleOneIsLlama) {
  model::ModelSpec spec = Spec("wide");
  spec.dense.dual.scale_init = kOne;
  auto wide = Make(spec), llama = Make(Spec("llama"));
  for (int i = 0; i < 2; ++i)
    Copy(*llama, "blocks." + std::to_string(i), *wide, "blocks." + std::to_string(i) + ".wide");
  CopyShared(*llama, *wide);
  EXPECT_TRUE(Same(wide->Logits(Ids(), false), llama->Logits(Ids(), false)));
}

TEST_P(DualTest, OneLoopIsWideWithTheSameWeights) {
  model::ModelSpec one = Spec("loop");
  one.dense.dual.loops = 1;
  one.dense.dual.scale_init = 0.3;
  model::ModelSpec other = Spec("wide");
  other.dense.dual.scale_init = 0.3;
  auto loop = Make(one), wide = Make(other);
  Copy(*loop, ".deep.", *wide, ".wide.");
  CopyShared(*loop, *wide);
  EXPECT_TRUE(Same(loop->Logits(Ids(), false), wide->Logits(Ids(), false)));
}

TEST_P(DualTest, GatesOfOneAndZeroLeaveOnePath) {
  model::ModelSpec spec = Spec("dual_path");
  spec.dense.dual.scale_init = 0;
  auto dual = Make(spec);
  for (const bool deep : {true, false}) {
    model::ModelSpec alone = Spec(deep ? "loop" : "wide");
    alone.dense.dual.scale_init = 0;
    auto single = Make(alone);
    Copy(*dual, "blocks.", *single, "blocks.");
    CopyShared(*dual, *single);
    dual->SetIntervention(Intervention{
        .set_gates = true, .gate_deep = deep ? 1.0 : 0.0, .gate_wide = deep ? 0.0 : 1.0});
    EXPECT_TRUE(Same(dual->Logits(Ids(), false), single->Logits(Ids(), false))) << deep;
    const auto readouts = dual->Readouts(Ids().data(), 1, tokens_);
    for (const BlockReadout& read : readouts) {
      for (const float share : read.deep_share) EXPECT_EQ(share, deep ? 1.0f : 0.0f);
    }
  }
}

// Section 10, check 2.
TEST_P(DualTest, StartsAsANearIdentityWithHalfOpenGates) {
  auto network = Make(Spec("dual_path"));
  const auto readouts = network->Readouts(Ids().data(), 1, tokens_);
  ASSERT_EQ(readouts.size(), 2u);
  EXPECT_EQ(readouts[0].place, "blocks.0");
  for (const BlockReadout& read : readouts) {
    ASSERT_EQ(read.scale_deep.size(), static_cast<size_t>(kLoops));
    EXPECT_NEAR(read.scale_deep[0], 9.11e-4, 1e-6);
    EXPECT_NEAR(read.scale_wide, 9.11e-4, 1e-6);
    for (size_t row = 0; row < static_cast<size_t>(tokens_); ++row) {
      EXPECT_EQ(read.gate_deep[row], 0.5f);
      EXPECT_EQ(read.gate_wide[row], 0.5f);
      EXPECT_LT(0.5f * (read.norm_deep[row] + read.norm_wide[row]) / read.norm_input[row], 0.01f);
      EXPECT_GE(read.deep_share[row], 0.0f);
      EXPECT_LE(read.deep_share[row], 1.0f);
      EXPECT_LE(std::abs(read.cosine[row]), 1.0f + 1e-5f);
    }
  }
  model::ModelSpec preserved = Spec("dual_path");
  preserved.dense.dual.residual = Word("preserved");  // the same function while g_d + g_w = 1
  auto other = Make(preserved);
  EXPECT_LT(Distance(network->Logits(Ids(), false), other->Logits(Ids(), false)), 1e-5);
}

// Section 10, check 3: with routers forced by their biases.
TEST_P(DualTest, StepsAreMixedByTheirRouters) {
  model::ModelSpec spec = Spec("loop");
  spec.dense.dual.scale_init = 0;
  auto act = Make(spec);
  spec.dense.dual.mix = Word("final");
  auto last = Make(spec);
  spec.dense.dual.loops = 1;
  auto first = Make(spec);
  for (Network* other : {last.get(), first.get()}) {
    Copy(*act, "blocks.", *other, "blocks.");
    CopyShared(*act, *other);
  }
  for (const Layout::Slot& slot : first->layout().slots) {  // a_1 of the three
    if (slot.tensor.name.ends_with("deep.scale"))
      *At(*first, slot.tensor.name) = *At(*act, slot.tensor.name);
  }
  const auto bias = [&](float value) {
    for (int i = 0; i < 2; ++i) *At(*act, "blocks." + std::to_string(i) + ".router.bias") = value;
  };
  bias(-200);  // q = 0: all mass reaches the last step
  EXPECT_TRUE(Same(act->Logits(Ids(), false), last->Logits(Ids(), false)));
  bias(200);  // q_1 = 1
  EXPECT_TRUE(Same(act->Logits(Ids(), false), first->Logits(Ids(), false)));
  bias(0);
  for (const BlockReadout& read : act->Readouts(Ids().data(), 1, tokens_)) {
    ASSERT_EQ(read.step_router.size(), static_cast<size_t>(kLoops - 1));  // the last is not asked
    for (size_t row = 0; row < static_cast<size_t>(tokens_); ++row) {
      const double q1 = read.step_router[0][row], q2 = read.step_router[1][row];
      EXPECT_NEAR(read.expected_steps[row], q1 + 2 * (1 - q1) * q2 + 3 * (1 - q1) * (1 - q2), 1e-5);
    }
  }
}

TEST_P(DualTest, TheLastRouterChangesNothing) {
  model::ModelSpec spec = Spec("loop");
  spec.dense.dual.scale_init = 0;
  auto skipping = Make(spec);
  spec.dense.dual.skip_last_router = false;
  auto asking = Make(spec);
  EXPECT_TRUE(Same(skipping->Logits(Ids(), false), asking->Logits(Ids(), false)));
  EXPECT_EQ(asking->Readouts(Ids().data(), 1, tokens_)[0].step_router.size(),
            static_cast<size_t>(kLoops));
}

class Interventions : public DualTest {
 protected:
  Interventions() {
    model::ModelSpec spec = Spec("dual_path");
    spec.dense.dual.scale_init = 0;
    network_ = Make(spec);
    const RandomStream draws(3, "gates");
    for (int i = 0; i < 2; ++i) {
      float* gate = At(*network_, "blocks." + std::to_string(i) + ".gate.weight");
      for (uint64_t k = 0; k < 48; ++k) gate[k] = 20 * draws.Normal(k);
    }
    learned_ = Read();
  }
  std::vector<BlockReadout> Read() { return network_->Readouts(Ids().data(), 1, tokens_); }
  static std::vector<float> Sorted(std::vector<float> values) {
    std::sort(values.begin(), values.end());
    return values;
  }

  std::unique_ptr<Network> network_;
  std::vector<BlockReadout> learned_;
};
INSTANTIATE_TEST_SUITE_P(Tokens, Interventions, ::testing::Values(16, 40));

TEST_P(Interventions, AShuffleKeepsTheGatesOfASequence) {
  for (const GateShuffle shuffle : {GateShuffle::kIndependent, GateShuffle::kJoint}) {
    network_->SetIntervention(Intervention{.layers = {0}, .shuffle = shuffle});
    const auto changed = Read();
    EXPECT_NE(changed[0].gate_deep, learned_[0].gate_deep);
    EXPECT_EQ(Sorted(changed[0].gate_deep), Sorted(learned_[0].gate_deep));
    EXPECT_EQ(Sorted(changed[0].gate_wide), Sorted(learned_[0].gate_wide));
    const auto pairs = [&](const BlockReadout& read) {
      std::vector<std::pair<float, float>> all;
      for (size_t row = 0; row < static_cast<size_t>(tokens_); ++row)
        all.emplace_back(read.gate_deep[row], read.gate_wide[row]);
      std::sort(all.begin(), all.end());
      return all;
    };
    EXPECT_EQ(pairs(changed[0]) == pairs(learned_[0]), shuffle == GateShuffle::kJoint);
  }
}

TEST_P(Interventions, LayersAndPositionsThatAreNotNamedKeepTheirGates) {
  std::vector<uint8_t> positions(static_cast<size_t>(tokens_), 0);
  positions[3] = 1;
  network_->SetIntervention(Intervention{.layers = {0},
                                         .set_gates = true,
                                         .gate_deep = 0.25,
                                         .gate_wide = 0.75,
                                         .positions = positions});
  const auto changed = Read();
  for (size_t row = 0; row < static_cast<size_t>(tokens_); ++row) {
    EXPECT_EQ(changed[0].gate_deep[row], row == 3 ? 0.25f : learned_[0].gate_deep[row]);
    EXPECT_EQ(changed[0].gate_wide[row], row == 3 ? 0.75f : learned_[0].gate_wide[row]);
  }
  EXPECT_EQ(std::count(changed[1].gate_deep.begin(), changed[1].gate_deep.end(), 0.25f), 0);
  network_->SetIntervention(
      Intervention{.set_gates = true, .gate_deep = 1, .gate_wide = 0, .keep_sum = true});
  EXPECT_NEAR(Read()[0].gate_deep[5], learned_[0].gate_deep[5] + learned_[0].gate_wide[5], 1e-6);
  network_->SetIntervention({});
  EXPECT_EQ(Read()[1].gate_deep, learned_[1].gate_deep);
}

// Positions that are more than the rows of a pass would be written behind a buffer, and fewer would
// leave rows to chance.
TEST_P(Interventions, PositionsThatAreNotOneForEachRowAreRefused) {
  for (const int64_t count : {tokens_ - 1, tokens_ + 1, 100 * tokens_}) {
    network_->SetIntervention(
        Intervention{.set_gates = true,
                     .gate_deep = 1,
                     .positions = std::vector<uint8_t>(static_cast<size_t>(count), 1)});
    try {
      (void)Read();
      ADD_FAILURE() << count << " positions were taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(
                                    "intervention.positions: has " + std::to_string(count) +
                                    " entries for a pass of " + std::to_string(tokens_) + " rows"));
    }
  }
  network_->SetIntervention({});
  EXPECT_EQ(Read()[0].gate_deep, learned_[0].gate_deep);
}

// Layers are numbers of blocks or parallel layers; the large blocks of a composite are none of
// them.
TEST_P(DualTest, LayersOfACompositeAreItsParallelOnes) {
  model::ModelSpec spec = Spec("dual_path");
  spec.kind = model::Kind::kComposite;
  spec.paths = {spec.dense, spec.dense};
  spec.paths[0].name = "one";
  spec.paths[1].name = "two";
  spec.large = spec.dense;
  spec.large.name = "large";
  spec.large.d = 2 * spec.dense.d;
  spec.large.heads = 2 * spec.dense.heads;
  spec.large.blocks = 2;
  spec.connection.kind = Word("slice");
  spec.dense = {};
  auto composite = Make(spec);
  const auto read = [&] { return composite->Readouts(Ids().data(), 1, tokens_); };
  const auto learned = read();
  const auto touched = [&](const Intervention& intervention) {
    composite->SetIntervention(intervention);
    const auto changed = read();
    composite->SetIntervention({});
    std::vector<std::string> places;
    for (size_t i = 0; i < changed.size(); ++i) {
      if (std::count(changed[i].gate_deep.begin(), changed[i].gate_deep.end(), 0.75f) > 0)
        places.push_back(changed[i].place);
    }
    return places;
  };
  EXPECT_THAT(touched({.layers = {1}, .set_gates = true, .gate_deep = 0.75, .gate_wide = 0}),
              ::testing::ElementsAre("parallel.1.path.0", "parallel.1.path.1"));
  EXPECT_EQ(touched({.set_gates = true, .gate_deep = 0.75, .gate_wide = 0}).size(), learned.size());
}

TEST_P(Interventions, OtherNumbersOfLoops) {
  for (const int64_t loops : {1, 2, 3, 5}) {
    network_->SetIntervention(Intervention{.loops = loops});
    const auto changed = Read();
    EXPECT_EQ(changed[0].step_router.size(), static_cast<size_t>(loops - 1));
    EXPECT_EQ(Same(changed[0].norm_deep, learned_[0].norm_deep), loops == kLoops);
  }
  // A threshold of 1: every token stops at the first step, which is one loop.
  network_->SetIntervention(Intervention{.loops = 1});
  const auto one = network_->Logits(Ids(), false);
  network_->SetIntervention(Intervention{.early_exit = 1});
  EXPECT_TRUE(Same(network_->Logits(Ids(), false), one));
}

}  // namespace
}  // namespace braid::trainer
