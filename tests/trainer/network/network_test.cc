// What holds of any network, whatever it computes; that it computes Llama is checked in
// tests/peers.
#include "trainer/network/network.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "base/random.h"
#include "tests/trainer/network/specs.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class NetworkTest : public ::testing::TestWithParam<model::ModelSpec> {
 protected:
  NetworkTest() : network_(Make(GetParam())) {
    const RandomStream draws(4, "tokens");
    for (size_t i = 0; i < kBatch * kSequence; ++i) {
      ids_.push_back(static_cast<int32_t>(draws.Below(i, kVocab - 1)));
      labels_.push_back(i % kSequence == kSequence - 1
                            ? kIgnore
                            : static_cast<int32_t>(draws.Below(i + 1, kVocab - 1)));
    }
  }

  static std::unique_ptr<Network> Make(const model::ModelSpec& spec) {
    ConfigureRuntime(1);
    auto network = Network::Create(spec, "cpu").value();
    network->Initialize(5);
    // Larger than the initial weights, and none of them zero, so that every part of the network
    // matters.
    for (const Layout::Slot& slot : network->layout().slots) {
      const model::TensorSpec& tensor = slot.tensor;
      const RandomStream draws(6, tensor.name);
      float* values = network->parameters() + slot.offset;
      for (int64_t i = 0; i < tensor.elements(); ++i) {
        if (tensor.init == model::Init::kNormal) values[i] *= 6;
        if (tensor.role == model::Role::kScale) values[i] = 0.5f;
        if (tensor.init == model::Init::kConstant && tensor.scale == 0)
          values[i] = 0.1f * draws.Normal(static_cast<uint64_t>(i));
      }
    }
    return network;
  }
  LossSum Backward(Network& network, double scale, int64_t begin = 0,
                   int64_t count = kBatch) const {
    return network.Backward(ids_.data() + begin * kSequence, labels_.data() + begin * kSequence,
                            count, kSequence, {.scale = scale, .aux_scale = 0, .first_row = begin});
  }
  double Loss() { return network_->Loss(ids_.data(), labels_.data(), kBatch, kSequence).loss; }
  static std::vector<float> Gradients(Network& network) {
    return {network.gradients(), network.gradients() + network.layout().size};
  }

  std::unique_ptr<Network> network_;
  std::vector<int32_t> ids_, labels_;
};

TEST_P(NetworkTest, GradientsAreThoseOfTheLoss) {
  Backward(*network_, 1.0);
  const std::vector<float> gradients = Gradients(*network_);
  size_t tested = 0;
  // Along the gradient of one tensor the loss grows as its norm says (central difference).
  for (const Layout::Slot& slot : network_->layout().slots) {
    double squares = 0;
    for (int64_t i = 0; i < slot.tensor.elements(); ++i)
      squares += std::pow(gradients[static_cast<size_t>(slot.offset + i)], 2);
    const double norm = std::sqrt(squares);
    ASSERT_GT(norm, 0) << slot.tensor.name;
    const double length = 0.01;
    const auto move = [&](double by) {
      for (int64_t i = 0; i < slot.tensor.elements(); ++i) {
        network_->parameters()[slot.offset + i] += static_cast<float>(
            by * gradients[static_cast<size_t>(slot.offset + i)] / norm);
      }
    };
    move(length);
    const double above = Loss();
    move(-2 * length);
    const double below = Loss();
    move(length);
    // The loss, a sum of about 240 nats in fp32, is good to some 1e-4: that bounds what small
    // gradients can show.
    EXPECT_NEAR((above - below) / (2 * length), norm, 0.01 * norm + 0.02) << slot.tensor.name;
    tested += norm > 0.2;
  }
  EXPECT_GT(tested, network_->layout().slots.size() / 2) << "too few gradients stand out";
}

TEST_P(NetworkTest, GradientsAddUpOverMicroBatches) {
  auto other = Make(GetParam());
  const LossSum whole = Backward(*network_, 0.5);
  LossSum parts;
  for (int64_t b = 0; b < kBatch; ++b) {
    const LossSum part = Backward(*other, 0.5, b, 1);
    parts.loss += part.loss;
    parts.targets += part.targets;
  }
  EXPECT_NEAR(parts.loss / whole.loss, 1, 1e-6);
  EXPECT_EQ(parts.targets, whole.targets);
  EXPECT_EQ(whole.targets, kBatch * (kSequence - 1));
  const std::vector<float> a = Gradients(*network_), b = Gradients(*other);
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-4 * (1 + std::abs(a[i]))) << i;
}

TEST_P(NetworkTest, RepeatsBitForBit) {
  auto other = Make(GetParam());
  EXPECT_EQ(Backward(*network_, 1.0).loss, Backward(*other, 1.0).loss);
  EXPECT_EQ(Gradients(*network_), Gradients(*other));
}

TEST_P(NetworkTest, GapsOfTheBuffersStayZero) {
  Backward(*network_, 1.0);
  const std::vector<float> gradients = Gradients(*network_);
  int64_t end = 0;
  for (const Layout::Slot& slot : network_->layout().slots) {
    for (; end < slot.offset; ++end)
      EXPECT_EQ(gradients[static_cast<size_t>(end)], 0.0f) << "before " << slot.tensor.name;
    end += slot.tensor.elements();
  }
}

TEST_P(NetworkTest, LossIsThatOfTheLogits) {
  double sum = 0;
  for (int64_t b = 0; b < kBatch; ++b) {
    const std::vector<int32_t> one(ids_.begin() + b * kSequence,
                                   ids_.begin() + (b + 1) * kSequence);
    const std::vector<float> logits = network_->Logits(one, /*last_only=*/false);
    ASSERT_EQ(logits.size(), static_cast<size_t>(kSequence * kVocab));
    for (int64_t t = 0; t + 1 < kSequence; ++t) {
      double total = 0;
      for (int64_t v = 0; v < kVocab; ++v)
        total += std::exp(static_cast<double>(logits[static_cast<size_t>(t * kVocab + v)]));
      sum +=
          std::log(total) -
          logits[static_cast<size_t>(t * kVocab + labels_[static_cast<size_t>(b * kSequence + t)])];
    }
    const std::vector<float> last = network_->Logits(one, /*last_only=*/true);
    ASSERT_EQ(last.size(), static_cast<size_t>(kVocab));
    for (size_t v = 0; v < last.size(); ++v)
      EXPECT_NEAR(last[v], logits[logits.size() - kVocab + v], 2e-4);  // each is within 1e-4 of
                                                                       // what is exact
  }
  EXPECT_NEAR(Loss() / sum, 1, 1e-6);
  EXPECT_EQ(Backward(*network_, 1.0).loss, Loss());
}

TEST_P(NetworkTest, TokenLogProbabilitiesAddUpToTheLoss) {
  const std::vector<float> tokens = network_->TokenLogProbabilities(ids_.data(), labels_.data(),
                                                                    kBatch, kSequence);
  double sum = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    sum -= tokens[i];
    if (labels_[i] < 0) {
      EXPECT_EQ(tokens[i], 0.0f);
    }
  }
  EXPECT_NEAR(sum / Loss(), 1, 1e-6);
}

TEST_P(NetworkTest, KeptKeysGiveTheLogitsOfTheWholeSequence) {
  const std::vector<int32_t> all(ids_.begin(), ids_.begin() + kSequence);
  const std::vector<float> whole = network_->Logits(all, /*last_only=*/false);
  const auto decoder = network_->NewDecoder(kSequence);
  const auto compare = [&](const std::vector<float>& logits, size_t last) {
    for (size_t v = 0; v < kVocab; ++v)
      ASSERT_NEAR(logits[v], whole[last * kVocab + v], 2e-4) << "position " << last;
  };
  compare(decoder->Read({all.begin(), all.begin() + 7}), 6);
  compare(decoder->Read({all.begin() + 7, all.begin() + 10}), 9);  // several at once, after others
  for (size_t t = 10; t < kSequence; ++t) compare(decoder->Read({all[t]}), t);
}

TEST_P(NetworkTest, SequencesSideBySideGiveWhatEachGivesAlone) {
  constexpr size_t kPrompts[] = {7, 1, 12};
  const auto together = network_->NewDecoder(kSequence, kBatch);
  std::vector<std::unique_ptr<Decoder>> alone;
  std::vector<std::vector<int32_t>> next;
  for (size_t b = 0; b < kBatch; ++b) {
    alone.push_back(network_->NewDecoder(kSequence));
    const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(b * kSequence);
    next.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(kPrompts[b]));
  }
  for (size_t step = 0; step < 8; ++step) {
    std::span<const float> all = together->ReadAll(next);
    for (size_t b = 0; b < kBatch; ++b) {
      if (next[b].empty()) continue;
      const std::vector<float> one = alone[b]->Read(next[b]);
      for (size_t v = 0; v < kVocab; ++v)
        ASSERT_NEAR(all[v], one[v], 1e-5) << "sequence " << b << ", step " << step;
      all = all.subspan(kVocab);
      // The second one ends early.
      next[b].clear();
      if (b != 1 || step < 3) next[b].push_back(ids_[b * kSequence + kPrompts[b] + step]);
    }
    EXPECT_TRUE(all.empty());
  }
}

TEST_P(NetworkTest, MoreRowsThanAPassTakesAreReadAllTheSame) {
  constexpr size_t kMany = 40;  // of 20 rows each
  const auto decoder = network_->NewDecoder(kSequence, kMany);
  const std::vector<int32_t> one(ids_.begin(), ids_.begin() + kSequence);
  const std::span<const float> logits = decoder->ReadAll(
      std::vector<std::vector<int32_t>>(kMany, one));
  ASSERT_EQ(logits.size(), kMany * kVocab);
  const std::vector<float> expected = network_->Logits(one, /*last_only=*/true);
  for (size_t i = 0; i < logits.size(); ++i)
    ASSERT_NEAR(logits[i], expected[i % kVocab], 2e-4) << "sequence " << i / kVocab;
}

TEST_P(NetworkTest, NoPositionSeesALaterOne) {
  std::vector<int32_t> one(ids_.begin(), ids_.begin() + kSequence);
  const std::vector<float> before = network_->Logits(one, false);
  one[12] = (one[12] + 1) % (kVocab - 1);
  const std::vector<float> after = network_->Logits(one, false);
  EXPECT_EQ(std::memcmp(before.data(), after.data(), 12 * kVocab * sizeof(float)), 0);
  EXPECT_NE(
      std::memcmp(before.data() + 12 * kVocab, after.data() + 12 * kVocab, kVocab * sizeof(float)),
      0);
}

TEST_P(NetworkTest, InitialValuesAreThoseOfTheModel) {
  network_->Initialize(11);
  for (const Layout::Slot& slot : network_->layout().slots) {
    std::vector<float> expected(static_cast<size_t>(slot.tensor.elements()));
    model::Initialize(slot.tensor, 11, expected.data());
    EXPECT_EQ(std::memcmp(expected.data(), network_->parameters() + slot.offset,
                          expected.size() * sizeof(float)),
              0)
        << slot.tensor.name;
  }
}

// Writes the network's tensors with `change` applied to their list.
template <typename Change>
std::string Saved(Network& network, const std::string& folder, Change change) {
  std::vector<storage::SafetensorsWriter::Tensor> tensors;
  for (const Layout::Slot& slot : network.layout().slots)
    tensors.push_back({slot.tensor.name, "F32", slot.tensor.shape});
  change(tensors);
  const std::string path = JoinPath(folder, "model.safetensors");
  auto writer = storage::SafetensorsWriter::Create(path, tensors).value();
  for (const auto& tensor : tensors) {
    int64_t count = 1;
    for (const int64_t extent : tensor.shape) count *= extent;
    std::vector<float> values(static_cast<size_t>(count), 0.25f);
    if (network.layout().by_name.contains(tensor.name)) {
      const int64_t offset = network.layout().at(tensor.name).offset;
      std::copy_n(network.parameters() + offset,
                  std::min(count, network.layout().at(tensor.name).tensor.elements()),
                  values.begin());
    }
    EXPECT_TRUE(writer->Append(tensor.name, values.data(), values.size() * sizeof(float)).ok());
  }
  EXPECT_TRUE(writer->Finish().ok());
  return path;
}

TEST_P(NetworkTest, LoadsWhatWasSavedAndNothingElse) {
  const auto folder = TemporaryFolder::Create().value();
  const auto load = [&](const std::string& path) {
    auto other = Network::Create(GetParam(), "cpu").value();
    const auto file = storage::SafetensorsFile::Open(path);
    EXPECT_TRUE(file.ok()) << file.status().message();
    const Status status = other->Load(*file);
    if (status.ok()) {
      EXPECT_EQ(std::memcmp(other->parameters(), network_->parameters(),
                            static_cast<size_t>(network_->layout().size) * sizeof(float)),
                0);
    }
    return status;
  };
  EXPECT_TRUE(load(Saved(*network_, folder.path(), [](auto&) {})).ok());
  EXPECT_THAT(load(Saved(*network_, folder.path(),
                         [](auto& all) {
                           std::erase_if(all, [](auto& t) { return t.name == "norm.weight"; });
                         }))
                  .message(),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("norm.weight")));
  EXPECT_THAT(load(Saved(*network_, folder.path(),
                         [](auto& all) { all.push_back({"extra.weight", "F32", {2}}); }))
                  .message(),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("extra.weight")));
  EXPECT_THAT(load(Saved(*network_, folder.path(),
                         [](auto& all) {
                           for (auto& t : all)
                             if (t.name == "norm.weight") t.shape = {3};
                         }))
                  .message(),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("norm.weight")));
}

// Every product with a weight is one of bf16 then: those of fp32 are counted.
TEST_P(NetworkTest, APrecisionIsThatOfAllProducts) {
  static int counted;
  static const Products* plain;
  plain = &Simd().fp32;
  SimdKernels counting = Simd();
  counting.fp32.product = [](const ProductOperands& o) {
    ++counted;
    plain->product(o);
  };
  counting.fp32.outer = [](const OuterOperands& o) {
    ++counted;
    plain->outer(o);
  };
  counting.fp32.head_logits = [](const HeadTile& tile, const float* x, float* maxima) {
    ++counted;
    plain->head_logits(tile, x, maxima);
  };
  const ScopedSimd simd(counting);
  for (const double dropout : {0.0, 0.5}) {
    network_->SetAuxiliary({.dropout = dropout});
    for (const spec::Precision precision : {spec::Precision::kFp32, spec::Precision::kBf16}) {
      counted = 0;
      network_->Backward(ids_.data(), labels_.data(), kBatch, kSequence, {.precision = precision});
      EXPECT_EQ(counted > 0, precision == spec::Precision::kFp32) << counted;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NetworkTest, ::testing::ValuesIn(EveryKind()), KindName);

// Pages of the gradients that are in memory.
int64_t ResidentGradients(Network& network) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t bytes = static_cast<size_t>(network.layout().size) * sizeof(float);
  std::vector<unsigned char> pages((bytes + page - 1) / page);
  EXPECT_EQ(mincore(network.gradients(), bytes, pages.data()), 0);
  return std::count_if(pages.begin(), pages.end(), [](unsigned char in) { return in & 1; });
}

TEST(NetworkCreateTest, GradientsTakeNoMemoryWhereNothingIsTrained) {
  const auto network = Network::Create(Dense(), "cpu").value();
  network->Initialize(1);
  const std::vector<int32_t> ids(kBatch * kSequence, 3);
  EXPECT_GT(network->Loss(ids.data(), ids.data(), kBatch, kSequence).loss, 0);
  EXPECT_EQ(ResidentGradients(*network), 0);
  (void)network->Backward(ids.data(), ids.data(), kBatch, kSequence, {});
  EXPECT_GT(ResidentGradients(*network), 0);
}

TEST(NetworkCreateTest, ImpossibleModelsAreNamed) {
  model::ModelSpec spec = Dense();
  spec.dense.heads = 5;
  EXPECT_THAT(Network::Create(spec, "cpu").status().message(), HasSubstr("heads"));
}

}  // namespace
}  // namespace braid::trainer
