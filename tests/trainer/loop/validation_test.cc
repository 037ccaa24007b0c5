#include "trainer/loop/validation.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/trainer/small_world.h"
#include "tests/word.h"

namespace braid::trainer {
namespace {

// Enough text set aside for two whole batches of 32 sequences and a short one, in which other ids
// are common.
class ValidationTest : public ::testing::Test {
 protected:
  static constexpr int64_t kSequences = 70;
  static constexpr int64_t kVocab = 271;

  ValidationTest() {
    ConfigureRuntime(1);
    network_ = Network::Create(world_.Dense("m"), "cpu").value();
    network_->Initialize(4);
    for (int64_t i = 0; i < network_->layout().size; ++i)
      network_->parameters()[i] *= 4;  // losses that differ
    Write("a", kSequences);
    Write("b", 3);
    for (const char* name : {"a", "b"})
      shards_.push_back(corpus::Shards::Open(world_.at(name)).value());
  }
  void Write(const std::string& name, int64_t sequences) {
    const RandomStream random(2, name);
    for (const char* set : {"train", "validation"}) {
      const auto writer = corpus::ShardWriter::Create(world_.at(name) + "/" + set, kVocab).value();
      for (int64_t i = 0; i < sequences; ++i) {
        std::vector<int32_t> ids(16);
        for (size_t t = 0; t < 16; ++t) {
          ids[t] = static_cast<int32_t>(
              random.Below(static_cast<uint64_t>(i) * 16 + t, i < 64 ? 250 : 5));
        }
        ASSERT_TRUE(writer->Append(ids).ok());
      }
      ASSERT_TRUE(writer->Finish().ok());
    }
    ASSERT_TRUE(
        WriteJsonFile(world_.at(name) + "/shards.json", {{"corpus", name},
                                                         {"tokenizer", "digest"},
                                                         {"dtype", "uint16"},
                                                         {"vocab", kVocab},
                                                         {"tokens", sequences * 16},
                                                         {"validation_tokens", sequences * 16}})
            .ok());
  }

  std::map<std::string, ValidationLoss> Losses(const ValidationSpec& spec) {
    const auto alone = LocalCollective();
    return ValidationLosses(*network_, {&shards_[0], &shards_[1]}, spec, *alone).value();
  }
  // Sum of the losses of a sequence by the definition, over the first `targets` positions.
  double Reference(const corpus::Shards& set, int64_t index, size_t targets) {
    std::vector<int32_t> ids(16);
    corpus::ReadValidation(set, 16, index, ids.data());
    const std::vector<float> logits = network_->Logits(ids, false);
    double sum = 0;
    for (size_t t = 0; t < targets; ++t) {
      double total = 0;
      for (size_t v = 0; v < kVocab; ++v)
        total += std::exp(static_cast<double>(logits[t * kVocab + v]));
      sum += std::log(total) -
             logits[t * kVocab + static_cast<size_t>(ids[std::min<size_t>(t + 1, 15)])];
    }
    return sum;
  }
  double Mean(const corpus::Shards& set, int64_t first, int64_t end, size_t targets) {
    double sum = 0;
    for (int64_t i = first; i < end; ++i) sum += Reference(set, i, targets);
    return sum / static_cast<double>(static_cast<size_t>(end - first) * targets);
  }

  SmallWorld world_;
  std::unique_ptr<Network> network_;
  std::vector<corpus::Shards> shards_;
};

TEST_F(ValidationTest, TokenMeanWeighsTargetsAlike) {
  const auto losses = Losses({16});
  EXPECT_NEAR(losses.at("a").mean, Mean(shards_[0], 0, kSequences, 15), 1e-5);
  EXPECT_EQ(losses.at("a").targets, kSequences * 15);
  EXPECT_NEAR(losses.at("all").mean, (70 * losses.at("a").mean + 3 * losses.at("b").mean) / 73,
              1e-9);
}

TEST_F(ValidationTest, BatchMeanWeighsBatchesAlikeTheShortLastOneToo) {
  const auto losses = Losses({16, 0, Word("ignore"), Word("batch_mean")});
  const double batches[] = {Mean(shards_[0], 0, 32, 15), Mean(shards_[0], 32, 64, 15),
                            Mean(shards_[0], 64, 70, 15)};
  EXPECT_NEAR(losses.at("a").mean, (batches[0] + batches[1] + batches[2]) / 3, 1e-5);
  EXPECT_GT(std::abs(losses.at("a").mean - Losses({16}).at("a").mean), 1e-3);
  EXPECT_NEAR(losses.at("all").mean, (3 * losses.at("a").mean + Mean(shards_[1], 0, 3, 15)) / 4,
              1e-5);
}

TEST_F(ValidationTest, CopyInputHasATargetMoreForEachSequence) {
  const auto losses = Losses({16, 40, Word("copy_input")});
  EXPECT_NEAR(losses.at("a").mean, Mean(shards_[0], 0, 40, 16), 1e-5);
  EXPECT_EQ(losses.at("a").targets, 40 * 16);
  // What compares with the other mode is there, too.
  EXPECT_NEAR(losses.at("a").mean_ignore_last, Losses({16, 40}).at("a").mean, 1e-6);
  EXPECT_NEAR(Losses({16, 0, Word("copy_input"), Word("batch_mean")}).at("all").mean_ignore_last,
              Losses({16, 0, Word("ignore"), Word("batch_mean")}).at("all").mean, 1e-6);
}

// docs/papers/papaformer.md#s11, check 6.
TEST_F(ValidationTest, NoiseIsThatOfTheSeed) {
  model::ModelSpec spec = world_.Composite();
  spec.connection.kind = Word("routed");
  const auto losses = [&](const std::string& noise, uint64_t seed) {
    spec.arch.router_noise = Word(noise);
    network_ = Network::Create(spec, "cpu").value();
    network_->Initialize(4);
    for (int64_t i = 0; i < network_->layout().size; ++i) network_->parameters()[i] *= 4;
    ValidationSpec validation{16};
    validation.seed = seed;
    return Losses(validation).at("all").mean;
  };
  EXPECT_EQ(losses("always", 1), losses("always", 1));
  EXPECT_NE(losses("always", 1), losses("always", 2));
  EXPECT_EQ(losses("train_only", 1), losses("train_only", 2));
}

}  // namespace
}  // namespace braid::trainer
