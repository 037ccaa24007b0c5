#include "report/results/progress.h"

#include <algorithm>

#include "report/results/baseline.h"

namespace braid::report {
namespace {

std::optional<double> NumberAt(const Json& point, const std::string& field) {
  const auto value = point.find(field);
  return value == point.end() || !value->is_number() ? std::nullopt
                                                     : std::optional<double>(value->get<double>());
}

const std::vector<Json>* HistoryOf(const Results& results, const ModelResult& model) {
  const auto history = results.histories.find(model.job);
  return model.job.empty() || history == results.histories.end() || history->second.empty()
             ? nullptr
             : &history->second;
}

// The loss on the held-out text of all corpora of the run, to be compared with the evaluation at
// the end: each corpus weighs as many held-out tokens as it has there. The history's own
// `validation/all` is another number: the mean over what was read while training, which
// `validate.sequences` bounds for each corpus, and over the corpora of that one model. Nothing if a
// corpus of the run was not measured at `point`.
std::optional<double> LossOnHeldOutText(const Results& results, const ModelResult& model,
                                        const Json& point) {
  double sum = 0, weights = 0;
  for (const std::string& corpus : results.corpora) {
    if (corpus == kAllText) continue;
    const auto loss = NumberAt(point, "validation/" + corpus);
    const auto measured = model.evaluation.losses.find(corpus);
    if (!loss.has_value() || measured == model.evaluation.losses.end()) return std::nullopt;
    const auto weight = static_cast<double>(measured->second.tokens);
    sum += weight * *loss;
    weights += weight;
  }
  return weights > 0 ? std::optional<double>(sum / weights) : std::nullopt;
}

double Between(double x, double x0, double y0, double x1, double y1) {
  return x1 == x0 ? y1 : y0 + (y1 - y0) * (x - x0) / (x1 - x0);
}

// What `curve` had reached where `field` was `value`.
std::optional<Reached> Reach(const std::vector<ValidationPoint>& curve,
                             double ValidationPoint::* field, double value) {
  const double total = curve.back().step;
  if (value >= curve.back().*field) return Reached{curve.back().loss, 1};
  if (value < curve.front().*field) return std::nullopt;
  size_t next = 1;
  while (curve[next].*field <= value) ++next;
  const ValidationPoint &a = curve[next - 1], &b = curve[next];
  return Reached{Between(value, a.*field, a.loss, b.*field, b.loss),
                 Between(value, a.*field, a.step, b.*field, b.step) / total};
}

}  // namespace

std::optional<Gradients> GradientsOf(const Results& results, const ModelResult& model) {
  const std::vector<Json>* history = HistoryOf(results, model);
  if (history == nullptr || NumberAt(history->front(), "step") != 1) return std::nullopt;
  const auto first = NumberAt(history->front(), "gradient_norm");
  if (!first.has_value()) return std::nullopt;
  Gradients gradients{static_cast<int64_t>(history->size()), *first, std::nullopt};
  if (!model.clip.has_value()) return gradients;
  int64_t clipped = 0;
  for (const Json& point : *history) {
    const auto norm = NumberAt(point, "gradient_norm");
    if (!norm.has_value()) return std::nullopt;
    clipped += *model.clip > 0 && *norm > *model.clip ? 1 : 0;
  }
  gradients.clipped = static_cast<double>(clipped) / static_cast<double>(gradients.steps);
  return gradients;
}

std::vector<ValidationPoint> ValidationCurve(const Results& results, const ModelResult& model) {
  std::vector<ValidationPoint> curve;
  const std::vector<Json>* history = HistoryOf(results, model);
  if (history == nullptr) return curve;
  for (const Json& point : *history) {
    const auto step = NumberAt(point, "step"), tokens = NumberAt(point, "tokens"),
               loss = LossOnHeldOutText(results, model, point);
    if (step.has_value() && tokens.has_value() && loss.has_value())
      curve.push_back({*step, *tokens, *loss});
  }
  return curve;
}

std::vector<EqualTerms> CompareOnEqualTerms(const Results& results) {
  std::vector<EqualTerms> all;
  for (const ModelResult* composite : results.WithRole(Role::kComposite)) {
    const auto mine = ValidationCurve(results, *composite);
    if (mine.empty()) continue;
    for (const ModelResult* dense : BaselinesOf(results, *composite)) {
      const auto theirs = ValidationCurve(results, *dense);
      const SpeedComparison* speed = results.FindSpeed(*composite, *dense);
      if (theirs.empty() || speed == nullptr) continue;
      EqualTerms terms{composite, dense, mine.back().loss, std::nullopt, std::nullopt, *speed};
      if (composite->tokens > 0)
        terms.tokens = Reach(theirs, &ValidationPoint::tokens,
                             static_cast<double>(composite->tokens));
      const double share = speed->critical_path / speed->dense_equal_cores;
      terms.time = Reach(theirs, &ValidationPoint::step, share * theirs.back().step);
      all.push_back(terms);
    }
  }
  return all;
}

}  // namespace braid::report
