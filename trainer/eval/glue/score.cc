#include "trainer/eval/glue/score.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "trainer/eval/metrics/accuracy.h"
#include "trainer/eval/metrics/correlation.h"
#include "trainer/eval/metrics/f1.h"
#include "trainer/eval/metrics/matthews.h"

namespace braid::trainer {
namespace {

double CrossEntropy(const float* logits, int64_t count, size_t truth) {
  // Subtracted from all logits, so that exp does not overflow.
  const double top = *std::max_element(logits, logits + count);
  double total = 0;
  for (int64_t i = 0; i < count; ++i) total += std::exp(logits[i] - top);
  return std::log(total) + top - logits[truth];
}

double Correlation(const std::vector<EncodedExample>& examples, const std::vector<float>& outputs) {
  const std::vector<double> said(outputs.begin(), outputs.end());
  std::vector<double> truth;
  for (const EncodedExample& example : examples) truth.push_back(example.label);
  return (PearsonCorrelation(said, truth) + SpearmanCorrelation(said, truth)) / 2;
}

}  // namespace

double MeanLoss(const GlueTask& task, const std::vector<EncodedExample>& examples,
                const std::vector<float>& outputs) {
  const int64_t count = task.outputs();
  BRAID_CHECK(outputs.size() == examples.size() * static_cast<size_t>(count) && !examples.empty());
  double sum = 0;
  for (size_t i = 0; i < examples.size(); ++i) {
    const float* row = outputs.data() + i * static_cast<size_t>(count);
    const double label = examples[i].label;
    sum += task.regression() ? (row[0] - label) * (row[0] - label)
                             : CrossEntropy(row, count, static_cast<size_t>(label));
  }
  return sum / static_cast<double>(examples.size());
}

double Score(const GlueTask& task, const std::vector<EncodedExample>& examples,
             const std::vector<float>& outputs) {
  if (task.metric == Metric::kPearsonSpearman) return Correlation(examples, outputs);
  const int64_t count = task.outputs();
  BRAID_CHECK(outputs.size() == examples.size() * static_cast<size_t>(count));
  std::vector<int32_t> said, truth;
  for (size_t i = 0; i < examples.size(); ++i) {
    const float* row = outputs.data() + i * static_cast<size_t>(count);
    // max_element returns the first of equal outputs, so that ties are resolved in the same way
    // everywhere.
    said.push_back(static_cast<int32_t>(std::max_element(row, row + count) - row));
    truth.push_back(static_cast<int32_t>(examples[i].label));
  }
  switch (task.metric) {
    case Metric::kF1:
      return F1(CountOutcomes(said, truth));
    case Metric::kMatthews:
      return MatthewsCorrelation(CountOutcomes(said, truth));
    default:
      return Accuracy(said, truth);
  }
}

}  // namespace braid::trainer
