// The description of a GLUE or SuperGLUE task: its files, the texts of its examples, its labels and
// its metric (docs/papers/papaformer.md#s8.2).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "trainer/eval/glue/example.h"

namespace braid::trainer {

// One example: a text or a pair of texts, and its label.
struct Example {
  std::string first;
  // Empty for tasks of single sentences.
  std::string second;
  // The class, or for a regression the number to predict.
  double label = 0;
};

// How predictions are scored; trainer/eval/metrics/ has the formulas.
enum class Metric { kAccuracy, kF1, kMatthews, kPearsonSpearman };

// "accuracy", "f1", "matthews", "pearson_spearman".
std::string MetricName(Metric metric);

// One task of a suite.
struct GlueTask {
  // As recipes and evaluation.json call it: "sst2".
  std::string name;
  // glue | superglue | extra
  std::string suite;
  // Names of the classes in the order of their numbers; empty for a regression (STS-B).
  std::vector<std::string> labels;
  Metric metric = Metric::kAccuracy;
  // Splits that are scored; the loss on the first decides when to stop.
  std::vector<std::string> validation = {"dev"};
  // The seeds with which it is trained, unless the settings name others.
  std::vector<uint64_t> seeds = {3, 12, 42, 100, 200};
  TsvFormat tsv;

  // Appends the examples of one row; a row as published for MultiRC has several.
  std::function<Status(const Row&, std::vector<Example>*)> read;

  // Whether the task predicts a number; and the number of outputs of its classifier.
  bool regression() const { return labels.empty(); }
  int64_t outputs() const { return regression() ? 1 : static_cast<int64_t>(labels.size()); }
};

}  // namespace braid::trainer
