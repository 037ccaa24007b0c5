#include "task/held_out_loss.h"

#include <cmath>
#include <cstdint>

namespace braid::task {

std::optional<double> HeldOutLoss(const Json& summary) {
  if (!summary.is_object() || !summary.contains("final") || !summary["final"].is_object())
    return std::nullopt;
  double sum = 0;
  int64_t corpora = 0;
  for (const auto& [name, value] : summary["final"].items()) {
    if (!name.starts_with("validation/")) continue;
    if (!value.is_number() || !std::isfinite(value.get<double>())) return std::nullopt;
    sum += value.get<double>();
    ++corpora;
  }
  if (corpora == 0) return std::nullopt;
  return sum / static_cast<double>(corpora);
}

std::optional<double> HeldOutLossOfText(const std::string& summary) {
  const Result<Json> parsed = ParseJson(summary, "summary");
  return parsed.ok() ? HeldOutLoss(*parsed) : std::nullopt;
}

std::optional<double> MeanLoss(const std::vector<std::optional<double>>& trainings) {
  if (trainings.empty()) return std::nullopt;
  double sum = 0;
  for (const std::optional<double>& loss : trainings) {
    if (!loss) return std::nullopt;
    sum += *loss;
  }
  return sum / static_cast<double>(trainings.size());
}

}  // namespace braid::task
