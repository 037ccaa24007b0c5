#include "report/results/baseline.h"

#include <cmath>

namespace braid::report {

bool SameTokens(const ModelResult& a, const ModelResult& b) {
  if (a.tokens <= 0 || b.tokens <= 0) return true;
  return std::abs(static_cast<double>(a.tokens) / static_cast<double>(b.tokens) - 1) <= kSameTokens;
}

std::vector<const ModelResult*> BaselinesOf(const Results& results, const ModelResult& composite) {
  const auto dense = results.WithRole(Role::kDense);
  std::vector<const ModelResult*> same;
  for (const ModelResult* model : dense) {
    if (SameTokens(composite, *model)) same.push_back(model);
  }
  return same.empty() ? dense : same;
}

const ModelResult* BestBaselineOf(const Results& results, const ModelResult& composite) {
  const ModelResult* best = nullptr;
  for (const ModelResult* model : BaselinesOf(results, composite)) {
    const auto loss = model->LossOn(kAllText);
    if (best == nullptr) best = model;
    if (loss.has_value() &&
        (!best->LossOn(kAllText).has_value() || *loss < *best->LossOn(kAllText)))
      best = model;
  }
  return best;
}

const ModelResult* BestPathOf(const Results& results, const ModelResult& composite) {
  const ModelResult* best = nullptr;
  for (const std::string& name : results.PathsOf(composite)) {
    const ModelResult* path = results.FindModel(name);
    if (path == nullptr || !path->LossOn(kAllText).has_value()) continue;
    if (best == nullptr || *path->LossOn(kAllText) < *best->LossOn(kAllText)) best = path;
  }
  return best;
}

}  // namespace braid::report
