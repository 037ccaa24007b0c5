#include "trainer/eval/glue/task.h"

namespace braid::trainer {

std::string MetricName(Metric metric) {
  switch (metric) {
    case Metric::kAccuracy:
      return "accuracy";
    case Metric::kF1:
      return "f1";
    case Metric::kMatthews:
      return "matthews";
    case Metric::kPearsonSpearman:
      return "pearson_spearman";
  }
  return "";
}

}  // namespace braid::trainer
