// What a device computes, compared with the CPU: every kind of model forward and backward, every
// optimizer, one rank of a gang, and how memory that runs out is reported. The bounds are those of
// two fp32 programs that add in another order.
#include "tests/trainer/device.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "base/file.h"
#include "base/random.h"
#include "task/channel.h"
#include "tests/trainer/network/specs.h"
#include "trainer/collective/collective.h"
#include "trainer/kernels/fault.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {
namespace {

// The distance of two vectors, relative to the length of the second.
double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  BRAID_CHECK(a.size() == b.size());
  double difference = 0, length = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    length += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / std::max(length, 1e-60));
}

// The same model twice, with the same parameters: on the device and on the CPU.
class Pair {
 public:
  explicit Pair(const model::ModelSpec& spec) {
    ConfigureRuntime(1);
    (void)TorchTestDevice();
    device_ = Network::Create(spec, TestDevice()).value();
    cpu_ = Network::Create(spec, "cpu").value();
    cpu_->Initialize(5);
    float* values = cpu_->parameters();
    // Larger than initial values, and none of them zero, so that every part of the model matters.
    for (const Layout::Slot& slot : cpu_->layout().slots) {
      const RandomStream draws(6, slot.tensor.name);
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i) {
        if (slot.tensor.init == model::Init::kNormal) values[i] *= 6;
        if (slot.tensor.role == model::Role::kScale) values[i] = 0.5f;
        if (values[i] == 0) values[i] = 0.1f * draws.Normal(static_cast<uint64_t>(i - slot.offset));
      }
    }
    ToDevice({values, values + size()}, device_->parameters());
  }

  int64_t size() const { return cpu_->layout().size; }
  Network& device() { return *device_; }
  Network& cpu() { return *cpu_; }
  std::vector<float> DeviceGradients() { return FromDevice(device_->gradients(), size()); }
  std::vector<float> CpuGradients() { return {cpu_->gradients(), cpu_->gradients() + size()}; }
  std::vector<float> DeviceParameters() { return FromDevice(device_->parameters(), size()); }
  std::vector<float> CpuParameters() { return {cpu_->parameters(), cpu_->parameters() + size()}; }

 private:
  std::unique_ptr<Network> device_, cpu_;
};

class NetworkOnDeviceTest : public ::testing::TestWithParam<model::ModelSpec> {
 protected:
  NetworkOnDeviceTest() : pair_(GetParam()) {
    const RandomStream draws(4, "tokens");
    for (size_t i = 0; i < kBatch * kSequence; ++i) {
      ids_.push_back(static_cast<int32_t>(draws.Below(i, kVocab - 1)));
      labels_.push_back(i % kSequence == kSequence - 1
                            ? kIgnore
                            : static_cast<int32_t>(draws.Below(i + 1, kVocab - 1)));
    }
  }

  LossSum Backward(Network& network) const {
    return network.Backward(ids_.data(), labels_.data(), kBatch, kSequence,
                            {.scale = 0.1, .seed = 3, .draw = 8});
  }

  Pair pair_;
  std::vector<int32_t> ids_, labels_;
};

TEST_P(NetworkOnDeviceTest, LossAndGradientsAreThoseOfTheCpu) {
  const LossSum device = Backward(pair_.device()), cpu = Backward(pair_.cpu());
  EXPECT_NEAR(device.loss / cpu.loss, 1, 2e-6);
  EXPECT_NEAR(device.last, cpu.last, 1e-5 * (1 + std::abs(cpu.last)));
  EXPECT_NEAR(device.auxiliary, cpu.auxiliary, 1e-5 * (1 + std::abs(cpu.auxiliary)));
  EXPECT_EQ(device.targets, cpu.targets);
  const std::vector<float> of_device = pair_.DeviceGradients(), of_cpu = pair_.CpuGradients();
  for (const Layout::Slot& slot : pair_.cpu().layout().slots) {
    const auto part = [&](const std::vector<float>& all) {
      return std::vector<float>(all.begin() + slot.offset,
                                all.begin() + slot.offset + slot.tensor.elements());
    };
    EXPECT_LT(Distance(part(of_device), part(of_cpu)), 2e-4) << slot.tensor.name;
  }
}

TEST_P(NetworkOnDeviceTest, RepeatsBitForBit) {
  const double once = Backward(pair_.device()).loss;
  const std::vector<float> gradients = pair_.DeviceGradients();
  for (int i = 0; i < 3; ++i) {
    pair_.device().ZeroGradients();
    EXPECT_EQ(Backward(pair_.device()).loss, once);
    EXPECT_EQ(pair_.DeviceGradients(), gradients);
  }
}

TEST_P(NetworkOnDeviceTest, EvaluationIsThatOfTheCpu) {
  const auto loss = [&](Network& network) {
    network.SetEvaluationSeed(7);
    return network.Loss(ids_.data(), labels_.data(), kBatch, kSequence).loss;
  };
  EXPECT_NEAR(loss(pair_.device()) / loss(pair_.cpu()), 1, 2e-6);
  const auto scores = [&](Network& network) {
    network.SetEvaluationSeed(7);
    return network.TokenLogProbabilities(ids_.data(), labels_.data(), kBatch, kSequence);
  };
  EXPECT_LT(Distance(scores(pair_.device()), scores(pair_.cpu())), 1e-5);
  const std::vector<int32_t> one(ids_.begin(), ids_.begin() + kSequence);
  const auto logits = [&](Network& network) {
    network.SetEvaluationSeed(7);
    return network.Logits(one, /*last_only=*/false);
  };
  EXPECT_LT(Distance(logits(pair_.device()), logits(pair_.cpu())), 1e-5);
}

TEST_P(NetworkOnDeviceTest, PredictionsAreThoseOfTheCpu) {
  const auto predict = [&](Network& network) {
    network.SetEvaluationSeed(7);
    return network.Predictions(ids_.data(), labels_.data(), kBatch, kSequence);
  };
  const std::vector<TokenPrediction> device = predict(pair_.device()), cpu = predict(pair_.cpu());
  ASSERT_EQ(device.size(), cpu.size());
  int64_t other_rank = 0;
  for (size_t i = 0; i < cpu.size(); ++i) {
    EXPECT_NEAR(device[i].log_probability, cpu[i].log_probability, 1e-4) << i;
    other_rank += device[i].rank != cpu[i].rank;
  }
  EXPECT_LE(other_rank, 1) << "but for a tie";
}

TEST_P(NetworkOnDeviceTest, KeptKeysGiveTheLogitsOfTheCpu) {
  const auto of_device = pair_.device().NewDecoder(kSequence);
  const auto of_cpu = pair_.cpu().NewDecoder(kSequence);
  std::vector<int32_t> next(ids_.begin(), ids_.begin() + 5);
  for (size_t t = 5; t < 9; ++t) {
    EXPECT_LT(Distance(of_device->Read(next), of_cpu->Read(next)), 1e-4) << t;
    next = {ids_[t]};
  }
}

TEST_P(NetworkOnDeviceTest, ReadOutsAndRoutingCanBeRead) {
  const auto layers = pair_.device().Routing(ids_.data(), kBatch, kSequence);
  EXPECT_EQ(layers.size(), pair_.cpu().Routing(ids_.data(), kBatch, kSequence).size());
  const auto blocks = pair_.device().Readouts(ids_.data(), kBatch, kSequence);
  EXPECT_EQ(blocks.size(), pair_.cpu().Readouts(ids_.data(), kBatch, kSequence).size());
}

INSTANTIATE_TEST_SUITE_P(Kinds, NetworkOnDeviceTest, ::testing::ValuesIn(EveryKind()), KindName);

class OptimizerOnDeviceTest : public ::testing::TestWithParam<OptimizerKind> {};

TEST_P(OptimizerOnDeviceTest, UpdatesAreThoseOfTheCpu) {
  Pair pair(Composite());
  OptimizerConfig config;
  config.kind = GetParam().kind;
  const auto device = MakeOptimizer(pair.device(), config), cpu = MakeOptimizer(pair.cpu(), config);
  for (uint64_t step = 0; step < 4; ++step) {
    const RandomStream draws(step, "gradients");
    std::vector<float> gradients(static_cast<size_t>(pair.size()));
    for (const Layout::Slot& slot : pair.cpu().layout().slots) {
      for (int64_t i = slot.offset; i < slot.offset + slot.tensor.elements(); ++i)
        gradients[static_cast<size_t>(i)] = draws.Normal(static_cast<uint64_t>(i));
    }
    ToDevice(gradients, pair.device().gradients());
    std::copy(gradients.begin(), gradients.end(), pair.cpu().gradients());
    EXPECT_NEAR(device->Step(1e-2) / cpu->Step(1e-2), 1, 1e-6) << "the norm before clipping";
    EXPECT_LT(Distance(pair.DeviceParameters(), pair.CpuParameters()), 2e-5) << step;
    EXPECT_EQ(Distance(pair.DeviceGradients(), pair.CpuGradients()), 0) << "set to zero";
  }
  const OptimizerSnapshot of_device = device->Take(), of_cpu = cpu->Take();
  ASSERT_EQ(of_device.state.size(), of_cpu.state.size());
  for (size_t i = 0; i < of_cpu.state.size(); ++i) {
    EXPECT_LT(Distance(of_device.state[i].values, of_cpu.state[i].values), 2e-5)
        << of_cpu.state[i].layout.name;
  }
  const std::vector<float> before = pair.DeviceParameters();
  device->Restore(of_device);
  EXPECT_EQ(pair.DeviceParameters(), before) << "what was taken is what is restored";
}

TEST_P(OptimizerOnDeviceTest, ANormThatIsNoNumberChangesNothing) {
  Pair pair(Dense());
  OptimizerConfig config;
  config.kind = GetParam().kind;
  const auto optimizer = MakeOptimizer(pair.device(), config);
  std::vector<float> gradients(static_cast<size_t>(pair.size()), 0.1f);
  gradients[3] = std::nanf("");
  ToDevice(gradients, pair.device().gradients());
  const std::vector<float> before = pair.DeviceParameters();
  EXPECT_FALSE(std::isfinite(optimizer->Step(1e-2)));
  EXPECT_EQ(pair.DeviceParameters(), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, OptimizerOnDeviceTest, ::testing::ValuesIn(OptimizerKinds()),
                         [](const auto& one) { return schema::NameOf(one.param.kind); });

TEST(MemoryOnDeviceTest, MemoryThatRunsOutIsSaidToBe) {
  const at::Device device = TorchTestDevice();
  try {
    // More than any machine has; asked for and never written.
    (void)at::empty({int64_t{1} << 50}, at::TensorOptions(at::kFloat).device(device));
    FAIL() << "four petabytes";
  } catch (const std::exception& error) {
    const Status status = StatusOf(error);
    EXPECT_EQ(status.reason(), "OUT_OF_MEMORY") << status.message();
    EXPECT_EQ(status.message().find('\n'), std::string::npos) << status.message();
  }
  // The device is as good as before.
  EXPECT_EQ(at::ones({8}, at::TensorOptions(at::kFloat).device(device)).sum().item<float>(), 8);
}

TEST(GangOnDeviceTest, ARankAloneMeetsItselfThroughNccl) {
  if (TestDevice() != "cuda") GTEST_SKIP() << "NCCL needs a GPU";
  const at::Device device = TorchTestDevice();
  const auto folder = TemporaryFolder::Create().value();
  const auto keys = task::FolderRendezvous(folder.path(), "job.1");
  auto gang = CudaPlugin()->nccl(*keys, 0, 1, 60'000);
  ASSERT_TRUE(gang.ok()) << gang.status().message();
  at::Tensor values = at::arange(1000, at::TensorOptions(at::kFloat).device(device));
  const at::Tensor before = values.clone();
  EXPECT_TRUE((*gang)->AllReduce(values.mutable_data_ptr<float>(), 1000).ok());
  EXPECT_TRUE(at::equal(values, before));
  double doubles[2] = {1.5, -2};
  EXPECT_TRUE((*gang)->AllReduce(doubles, 2).ok());
  EXPECT_THAT(doubles, testing::ElementsAre(1.5, -2));
  EXPECT_TRUE((*gang)->Barrier().ok());
}

}  // namespace
}  // namespace braid::trainer
