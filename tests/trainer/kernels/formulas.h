// What tests of the kernels share: random operands, values with their gradients, formulas written
// out in ATen operators, and the instruction sets with which each test runs.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/trainer/device.h"
#include "tests/trainer/kernels/tested_kernels.h"
#include "trainer/kernels/functions.h"
#include "trainer/kernels/simd/dispatch.h"

namespace braid::trainer {

using Function = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

inline at::Tensor Random(at::IntArrayRef shape, uint64_t seed, float size = 1.0f) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  const RandomStream draws(seed, "values");
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.mutable_data_ptr<float>()[i] = size * draws.Normal(static_cast<uint64_t>(i));
  }
  return tensor;
}

inline double Distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a.to(at::kDouble) - b.to(at::kDouble)).norm() /
          b.to(at::kDouble).norm().clamp_min(1e-30))
      .item<double>();
}

// The value for the inputs, and the gradients of sum(value * a fixed random tensor).
// Computed on `device`, returned on the CPU.
inline std::vector<at::Tensor> WithGradients(const Function& function,
                                             const std::vector<at::Tensor>& inputs,
                                             at::ScalarType type, at::Device device = at::kCPU) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs)
    leaves.push_back(input.to(device, type).detach().clone().requires_grad_(true));
  std::vector<at::Tensor> all{function(leaves)};
  const at::Tensor weight = Random(all[0].sizes(), 99).to(device, type);
  torch::autograd::backward({(all[0] * weight).sum()}, {});
  for (const at::Tensor& leaf : leaves) all.push_back(leaf.grad());
  for (at::Tensor& tensor : all) tensor = tensor.detach().cpu();
  return all;
}

inline at::Tensor OnDevice(const at::Tensor& tensor) {
  return tensor.to(TorchTestDevice());
}

// Every test runs with every instruction set that this machine has, and with sixteen lanes without
// one.
class KernelTest : public ::testing::TestWithParam<const SimdKernels*> {
 private:
  const ScopedSimd simd_{*GetParam()};
};
// Functions that other devices than the CPU do not use.
class CpuKernelTest : public KernelTest {
 protected:
  void SetUp() override {
    if (TestDevice() != "cpu") GTEST_SKIP() << "of the CPU alone";
  }
};
inline std::string NameOf(const ::testing::TestParamInfo<const SimdKernels*>& info) {
  return info.param->name;
}

inline at::Tensor PlainNorm(const at::Tensor& x, const at::Tensor& gain) {
  return x / (x.square().mean(-1, true) + 1e-5).sqrt() * gain;
}

// Causal attention of q, k and v [batch, heads, sequence, size], written out; the result's rows
// have the heads side by side.
inline at::Tensor PlainMix(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const int64_t sequence = q.size(2);
  const at::Tensor scores = at::matmul(q, k.transpose(-1, -2)) /
                            std::sqrt(static_cast<double>(q.size(3)));
  const at::Tensor later = at::ones({sequence, sequence}, at::kBool).triu(1);
  const at::Tensor mixed = at::matmul(
      scores.masked_fill(later, -std::numeric_limits<double>::infinity()).softmax(-1), v);
  return mixed.transpose(1, 2).reshape({q.size(0) * sequence, q.size(1) * q.size(3)});
}

// q, k and v [batch, heads, sequence, size] of packed rows: query head h has the keys and values of
// head h / (heads / key_heads).
inline std::vector<at::Tensor> PartsOf(const at::Tensor& qkv, int64_t batch,
                                       const HeadCounts& heads) {
  const int64_t size = qkv.size(1) / (heads.queries + 2 * heads.keys);
  const at::Tensor rows = qkv.view({batch, -1, heads.queries + 2 * heads.keys, size});
  std::vector<at::Tensor> k, v;
  for (int64_t head = 0; head < heads.queries; ++head) {
    const int64_t key = head * heads.keys / heads.queries;
    k.push_back(rows.select(2, heads.queries + key));
    v.push_back(rows.select(2, heads.queries + heads.keys + key));
  }
  return {rows.narrow(2, 0, heads.queries).transpose(1, 2), at::stack(k, 1), at::stack(v, 1)};
}

// With the rotation written out, too.
inline at::Tensor PlainAttention(const at::Tensor& qkv, const at::Tensor& angle, int64_t batch,
                                 int64_t sequence, const HeadCounts& heads) {
  const int64_t size = angle.size(1) * 2;
  const std::vector<at::Tensor> parts = PartsOf(qkv.view({batch * sequence, -1}), batch, heads);
  const auto turn = [&](const at::Tensor& x) {
    const at::Tensor a = x.narrow(-1, 0, size / 2), b = x.narrow(-1, size / 2, size / 2);
    return at::cat({a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()}, -1);
  };
  return PlainMix(turn(parts[0]), turn(parts[1]), parts[2]);
}

// The angles of rotary positions, [sequence, size / 2].
inline at::Tensor Angles(int64_t sequence, int64_t size) {
  at::Tensor angle = at::empty({sequence, size / 2}, at::kDouble);
  for (int64_t t = 0; t < sequence; ++t) {
    for (int64_t i = 0; i < size / 2; ++i) {
      angle.mutable_data_ptr<double>()[t * (size / 2) + i] =
          static_cast<double>(t) *
          std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(size));
    }
  }
  return angle;
}

inline at::Tensor PlainGate(const at::Tensor& x, const at::Tensor& beta) {
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  return halves[0] * at::sigmoid(beta * halves[0]) * halves[1];
}

// Values and gradients on one thread are those on several, bit for bit.
inline void ExpectSameBitsOnAnyThreads(const Function& function,
                                       const std::vector<at::Tensor>& inputs) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = WithGradients(function, inputs, at::kFloat);
  for (const int many : {2, 3}) {
    at::set_num_threads(many);
    const auto other = WithGradients(function, inputs, at::kFloat);
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_TRUE(at::equal(one[i], other[i]))
          << (i == 0 ? "value" : "gradient of input " + std::to_string(i - 1)) << " of " << many
          << " threads";
    }
  }
  at::set_num_threads(threads);
}

struct HeadCase {
  at::Tensor hidden, head, labels;
  Precision precision = Precision::kFp32;

  // HeadLoss on the test's device, with its results on the CPU.
  double Loss(double scale, at::Tensor* dx, at::Tensor* dw, at::Tensor* losses = nullptr) const {
    at::Tensor of_hidden, of_head;
    if (dw != nullptr) of_head = OnDevice(*dw);
    const double loss = HeadLoss(OnDevice(hidden), OnDevice(head), OnDevice(labels), scale,
                                 precision, dx == nullptr ? nullptr : &of_hidden,
                                 dw == nullptr ? nullptr : &of_head, losses);
    if (dx != nullptr) *dx = of_hidden.cpu();
    if (dw != nullptr) *dw = of_head.cpu();
    return loss;
  }
};

inline HeadCase MakeHeadCase(int64_t rows, int64_t vocab, int64_t w, float size) {
  HeadCase c{Random({rows, w}, 7, size), Random({vocab, w}, 8), at::empty({rows}, at::kLong)};
  const RandomStream draws(9, "labels");
  for (int64_t i = 0; i < rows; ++i) {
    const bool ignored = i % 5 == 3;
    c.labels.mutable_data_ptr<int64_t>()[i] = ignored ? -1
                                                      : static_cast<int64_t>(draws.Below(
                                                            static_cast<uint64_t>(i),
                                                            static_cast<uint64_t>(vocab)));
  }
  return c;
}

}  // namespace braid::trainer
