// TaughtHeadLoss against the formula of its comment in ATen operators and double precision.
#include "trainer/kernels/taught_head_loss.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "base/random.h"
#include "tests/trainer/device.h"
#include "tests/trainer/kernels/formulas.h"
#include "trainer/kernels/functions.h"

namespace braid::trainer {
namespace {

// Rows of a student and of teachers of another width each; every fourth label does not count.
struct Lesson {
  at::Tensor hidden, head, labels;
  std::vector<TeacherRows> teachers;

  TaughtLoss Loss(double weight, double temperature, at::Tensor* dx, at::Tensor* dw,
                  Precision precision = Precision::kFp32) const {
    return TaughtHeadLoss(hidden, head, labels, teachers, weight, temperature, 0.3, precision, dx,
                          dw);
  }
};

Lesson MakeLesson(int64_t rows, int64_t vocab, int64_t w, int64_t teachers) {
  const auto on = [](const at::Tensor& x) { return x.to(TorchTestDevice()); };
  const RandomStream draws(3, "labels");
  at::Tensor labels = at::empty({rows}, at::kLong);
  for (int64_t i = 0; i < rows; ++i) {
    labels[i] = i % 4 == 3 ? -1
                           : static_cast<int64_t>(draws.Below(static_cast<uint64_t>(i),
                                                              static_cast<uint64_t>(vocab)));
  }
  Lesson lesson{on(Random({rows, w}, 1)), on(Random({vocab, w}, 2)), on(labels), {}};
  for (int64_t k = 0; k < teachers; ++k) {
    const auto seed = static_cast<uint64_t>(10 + 2 * k);
    const int64_t d = w / 2 + k;
    lesson.teachers.push_back({on(Random({rows, d}, seed)), on(Random({vocab, d}, seed + 1))});
  }
  return lesson;
}

// Cross-entropy and divergence, and the gradients of 0.3 times their weighed sum.
struct Exact {
  double loss, divergence;
  at::Tensor dx, dw;
};

Exact ExactOf(const Lesson& lesson, double weight, double t) {
  const auto wide = [](const at::Tensor& x) { return x.cpu().to(at::kDouble); };
  const at::Tensor hidden = wide(lesson.hidden).requires_grad_(true),
                   head = wide(lesson.head).requires_grad_(true), labels = lesson.labels.cpu();
  const at::Tensor logits = at::linear(hidden, head);
  const at::Tensor loss = at::cross_entropy_loss(logits, labels, {}, /*reduction: sum*/ 2, -1);
  at::Tensor divergence = at::zeros({}, at::kDouble);
  for (const TeacherRows& teacher : lesson.teachers) {
    const at::Tensor theirs = at::linear(wide(teacher.hidden), wide(teacher.head)) / t;
    const at::Tensor q = at::softmax(theirs, 1),
                     rows = (q * (q.log() - at::softmax(logits / t, 1).log())).sum(1);
    divergence = divergence +
                 rows.index({labels >= 0}).sum() / static_cast<double>(lesson.teachers.size());
  }
  torch::autograd::backward({(loss + divergence * (weight * t * t)) * 0.3}, {});
  return {loss.item<double>(), divergence.item<double>(), hidden.grad(), head.grad()};
}

TEST(TaughtHeadLossTest, IsTheFormula) {
  // One chunk; several chunks with a rest; another temperature; two teachers of unequal widths.
  for (const auto& [rows, vocab, w, teachers, t] : {std::tuple{7, 50, 8, 1, 1.0},
                                                    {1100, 40, 8, 1, 1.0},
                                                    {40, 60, 12, 1, 2.5},
                                                    {90, 60, 12, 2, 0.7}}) {
    const Lesson lesson = MakeLesson(rows, vocab, w, teachers);
    const Exact exact = ExactOf(lesson, 0.8, t);
    at::Tensor dx, dw = Random({vocab, w}, 9).to(TorchTestDevice());
    const at::Tensor before = dw.clone();
    const TaughtLoss loss = lesson.Loss(0.8, t, &dx, &dw);
    EXPECT_NEAR(loss.loss / exact.loss, 1, 2e-6);
    EXPECT_NEAR(loss.divergence / exact.divergence, 1, 5e-6);
    EXPECT_NEAR(loss.losses.sum().item<double>() / exact.loss, 1, 1e-5);
    EXPECT_LT(Distance(dx, exact.dx), 2e-5);
    EXPECT_LT(Distance(dw - before, exact.dw), 2e-5) << "must be added to what was there";
  }
}

TEST(TaughtHeadLossTest, WithoutTeachersItIsHeadLoss) {
  const Lesson lesson = MakeLesson(60, 300, 16, 0);
  at::Tensor dx, dw = at::zeros_like(lesson.head), dx2, dw2 = at::zeros_like(lesson.head);
  const TaughtLoss taught = lesson.Loss(1, 1, &dx, &dw);
  const double plain = HeadLoss(lesson.hidden, lesson.head, lesson.labels, 0.3, Precision::kFp32,
                                &dx2, &dw2);
  EXPECT_NEAR(taught.loss / plain, 1, 1e-6);
  EXPECT_EQ(taught.divergence, 0);
  EXPECT_LT(Distance(dx, dx2), 1e-5);
  EXPECT_LT(Distance(dw, dw2), 1e-5);
}

TEST(TaughtHeadLossTest, WhoTeachesItselfHasNothingToTeach) {
  Lesson lesson = MakeLesson(40, 90, 8, 0);
  lesson.teachers = {{lesson.hidden, lesson.head}};
  at::Tensor dx, dw = at::zeros_like(lesson.head), dx2, dw2 = at::zeros_like(lesson.head);
  EXPECT_NEAR(lesson.Loss(5, 1, &dx, &dw).divergence, 0, 1e-4);
  lesson.teachers.clear();
  (void)lesson.Loss(5, 1, &dx2, &dw2);
  EXPECT_LT(Distance(dx, dx2), 1e-5);
}

TEST(TaughtHeadLossTest, NotANumberIsNotHidden) {
  Lesson lesson = MakeLesson(8, 50, 8, 1);
  at::Tensor dx, dw = at::zeros_like(lesson.head);
  lesson.labels[2] = 50;
  EXPECT_TRUE(std::isnan(lesson.Loss(1, 1, &dx, &dw).loss)) << "a label beyond the vocabulary";
  lesson = MakeLesson(8, 50, 8, 1);
  lesson.teachers[0].hidden[1][3] = std::nan("");
  EXPECT_TRUE(std::isnan(lesson.Loss(1, 1, &dx, &dw).divergence));
}

TEST(TaughtHeadLossTest, IgnoredRowsCountForNothingWhateverTheyContain) {
  const Lesson lesson = MakeLesson(40, 60, 8, 1);
  const auto once = [&] {
    at::Tensor dx, dw = at::zeros_like(lesson.head);
    const TaughtLoss loss = lesson.Loss(1, 1, &dx, &dw);
    return std::tuple{loss.loss, loss.divergence, dx, dw};
  };
  const auto before = once();
  ASSERT_EQ(lesson.labels[3].item<int64_t>(), -1);
  lesson.hidden[3].fill_(std::nan(""));
  lesson.teachers[0].hidden[7].fill_(std::nan(""));
  const auto after = once();
  EXPECT_EQ(std::get<0>(before), std::get<0>(after));
  EXPECT_EQ(std::get<1>(before), std::get<1>(after));
  EXPECT_TRUE(at::equal(std::get<2>(before), std::get<2>(after)));
  EXPECT_TRUE(at::equal(std::get<3>(before), std::get<3>(after)));
}

TEST(TaughtHeadLossTest, RoundsWhatItMultipliesIfAsked) {
  if (TestDevice() != "cpu") GTEST_SKIP() << "bf16 is of CPUs alone";
  const Lesson lesson = MakeLesson(70, 90, 16, 1);
  const Exact exact = ExactOf(lesson, 0.8, 1);
  at::Tensor dx, dw = at::zeros_like(lesson.head);
  const TaughtLoss loss = lesson.Loss(0.8, 1, &dx, &dw, Precision::kBf16);
  EXPECT_NEAR(loss.loss / exact.loss, 1, 2e-2);
  EXPECT_NEAR(loss.divergence / exact.divergence, 1, 2e-2);
  EXPECT_LT(Distance(dx, exact.dx), 2e-2);
  EXPECT_LT(Distance(dw, exact.dw), 2e-2);
  EXPECT_GT(Distance(dx, exact.dx), 1e-4) << "they were rounded";
}

TEST(TaughtHeadLossTest, HasTheSameBitsWithAnyNumberOfThreads) {
  const Lesson lesson = MakeLesson(515, 900, 24, 2);  // the last chunk has three rows
  const auto once = [&](int threads) {
    at::set_num_threads(threads);
    at::Tensor dx, dw = at::zeros_like(lesson.head);
    const TaughtLoss loss = lesson.Loss(0.5, 2, &dx, &dw);
    return std::tuple{loss.loss, loss.divergence, dx, dw};
  };
  const int before = at::get_num_threads();
  const auto [loss, divergence, dx, dw] = once(1);
  const auto [loss3, divergence3, dx3, dw3] = once(3);
  at::set_num_threads(before);
  EXPECT_EQ(loss, loss3);
  EXPECT_EQ(divergence, divergence3);
  EXPECT_TRUE(at::equal(dx, dx3));
  EXPECT_TRUE(at::equal(dw, dw3));
}

}  // namespace
}  // namespace braid::trainer
