// The CUDA kernel of the loss without a GPU: its code as C++, each thread of a block a thread of
// this program.
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <barrier>
#include <cmath>
#include <limits>
#include <thread>

#include "base/random.h"

// CUDA's built-in names, as far as the kernel uses them.
#define __device__
#define __global__
#define __shared__ static
#define __expf(x) std::exp(x)

namespace {

struct Index {
  unsigned x = 0;
};
Index blockIdx;
thread_local Index threadIdx;
std::barrier<>* g_block = nullptr;

void __syncthreads() {
  g_block->arrive_and_wait();
}

}  // namespace

#include "trainer/kernels/cuda/softmax_loss.cuh"

namespace braid::trainer {
namespace {

void Launch(at::Tensor* logits, const at::Tensor& labels, at::Tensor* losses, float scale,
            bool gradients) {
  for (int64_t row = 0; row < logits->size(0); ++row) {
    blockIdx.x = static_cast<unsigned>(row);
    std::barrier<> block(kThreads);
    g_block = &block;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        threadIdx.x = static_cast<unsigned>(i);
        SoftmaxLossKernel(logits->mutable_data_ptr<float>(), labels.const_data_ptr<int64_t>(),
                          losses->mutable_data_ptr<float>(), logits->size(1), scale, gradients);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

at::Tensor SomeLogits(int64_t rows, int64_t vocab) {
  at::Tensor logits = at::empty({rows, vocab}, at::kFloat);
  const RandomStream draws(3, "logits");
  for (int64_t i = 0; i < logits.numel(); ++i)
    logits.mutable_data_ptr<float>()[i] = 8 * draws.Normal(static_cast<uint64_t>(i));
  return logits;
}

TEST(SoftmaxLossTest, IsTheFormula) {
  for (const int64_t vocab : {3, 256, 777}) {
    const at::Tensor logits = SomeLogits(4, vocab);
    const at::Tensor labels = at::tensor({int64_t{0}, vocab - 1, int64_t{-1}, int64_t{2}},
                                         at::kLong);
    const at::Tensor exact = at::log_softmax(logits.to(at::kDouble), 1);
    at::Tensor made = logits.clone(), losses = at::full({4}, -7.0f);
    Launch(&made, labels, &losses, 0.5f, /*gradients=*/true);
    at::Tensor expected = at::exp(exact) * 0.5;
    for (const int64_t row : {0, 1, 3}) {
      const auto label = labels[row].item<int64_t>();
      EXPECT_NEAR(losses[row].item<float>(), -exact[row][label].item<double>(), 2e-5) << vocab;
      expected[row][label] -= 0.5;
    }
    expected[2].zero_();
    EXPECT_EQ(losses[2].item<float>(), 0.0f) << "it counts for nothing";
    EXPECT_LT((made.to(at::kDouble) - expected).abs().max().item<double>(), 1e-6);
    at::Tensor kept = logits.clone();
    Launch(&kept, labels, &losses, 0.5f, /*gradients=*/false);
    EXPECT_TRUE(at::equal(kept, logits));
  }
}

// The row behind the last one is not ours: reading there would go unseen, or end the program.
TEST(SoftmaxLossTest, ALabelBeyondTheVocabularyIsNotRead) {
  at::Tensor buffer = SomeLogits(3, 40);
  at::Tensor logits = buffer.narrow(0, 0, 2), losses = at::zeros({2});
  const at::Tensor last = buffer[2].clone();
  Launch(&logits, at::tensor({int64_t{40}, std::numeric_limits<int64_t>::max()}, at::kLong),
         &losses, 1.0f, /*gradients=*/true);
  EXPECT_TRUE(losses.isnan().all().item<bool>());
  EXPECT_TRUE(at::equal(buffer[2], last));
}

TEST(SoftmaxLossTest, ALogitThatIsNoNumberIsNotHidden) {
  at::Tensor logits = SomeLogits(1, 300), losses = at::zeros({1});
  logits[0][299] = std::numeric_limits<float>::quiet_NaN();
  Launch(&logits, at::zeros({1}, at::kLong), &losses, 1.0f, /*gradients=*/false);
  EXPECT_TRUE(std::isnan(losses[0].item<float>()));
}

}  // namespace
}  // namespace braid::trainer
