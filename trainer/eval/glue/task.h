// What a GLUE or SuperGLUE task is: its files, the text of its examples, its labels and its metric
// (docs/papers/papaformer.md#s8.2).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "trainer/eval/glue/example.h"

namespace braid::trainer {

struct Example {
  std::string first;
  std::string second;  // empty for a task of single sentences
  double label = 0;    // class, or the number to be predicted
};

enum class Metric { kAccuracy, kF1, kMatthews, kPearsonSpearman };

// "accuracy", "f1", "matthews", "pearson_spearman".
std::string MetricName(Metric metric);

struct GlueTask {
  std::string name;                 // "sst2": how a recipe and evaluation.json call it
  std::string suite;                // glue | superglue | extra
  std::vector<std::string> labels;  // names of the classes in the order of their numbers; none: a
                                    // number is predicted (STS-B)
  Metric metric = Metric::kAccuracy;
  std::vector<std::string> validation = {"dev"};  // splits that are scored; the first decides when
                                                  // to stop
  std::vector<uint64_t> seeds = {3, 12, 42, 100, 200};
  TsvFormat tsv;
  // Appends the examples of one row, which are several for MultiRC's published rows.
  std::function<Status(const Row&, std::vector<Example>*)> read;

  bool regression() const { return labels.empty(); }
  int64_t outputs() const { return regression() ? 1 : static_cast<int64_t>(labels.size()); }
};

}  // namespace braid::trainer
