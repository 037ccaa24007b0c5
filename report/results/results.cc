#include "report/results/results.h"

#include <cmath>

#include "base/text.h"

namespace braid::report {

int64_t JobResult::tokens() const {
  const auto found = summary.find("tokens");
  return found != summary.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

int64_t JobResult::tokens_before() const {
  const auto found = summary.find("continued");
  if (found == summary.end() || !found->is_object()) return 0;
  const auto tokens = found->find("tokens");
  return tokens != found->end() && tokens->is_number_integer() ? tokens->get<int64_t>() : 0;
}

std::optional<double> ModelResult::LossOn(const std::string& corpus) const {
  const auto found = evaluation.losses.find(corpus);
  return found == evaluation.losses.end() ? std::nullopt
                                          : std::optional<double>(found->second.loss);
}

std::optional<Estimate> LossDifference(const ModelResult& a, const ModelResult& b,
                                       const std::string& corpus) {
  if (!a.LossOn(corpus).has_value() || !b.LossOn(corpus).has_value()) return std::nullopt;
  return LossDifference(a.evaluation.losses, b.evaluation.losses, corpus);
}

std::string LossFigures(const ModelResult& a, const ModelResult& b, const std::string& corpus) {
  Estimate difference = *LossDifference(a, b, corpus);
  const bool lower = difference.value < 0;
  difference.value = std::abs(difference.value);
  return Format("%.4f against %.4f, ", *a.LossOn(corpus), *b.LossOn(corpus)) +
         ToText(difference, 4) + (lower ? " lower" : " higher");
}

size_t ModelResult::paths() const {
  const auto& spec = evaluation.spec;
  return spec.has_value() && spec->kind == model::Kind::kComposite ? spec->paths.size() : 0;
}

const JobResult* Results::FindJob(const std::string& name) const {
  for (const JobResult& job : jobs) {
    if (job.name == name) return &job;
  }
  return nullptr;
}

const ModelResult* Results::FindModel(const std::string& name) const {
  for (const ModelResult& model : models) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

const SpeedComparison* Results::FindSpeed(const ModelResult& composite,
                                          const ModelResult& dense) const {
  for (const SpeedComparison& one : speed) {
    if (one.composite == composite.name && one.dense == dense.name) return &one;
  }
  return nullptr;
}

std::vector<const ModelResult*> Results::WithRole(Role role) const {
  return ModelsWhere([role](const ModelResult& model) { return model.role == role; });
}

const ModelResult* Results::StartOf(const ModelResult& composite) const {
  for (const ModelResult* start : WithRole(Role::kCompositeStart)) {
    if (start->composite == composite.composite) return start;
  }
  return nullptr;
}

std::vector<std::string> Results::PathsOf(const ModelResult& composite) const {
  // The spec has the paths of a base too, which a merge account does not name.
  if (composite.paths() > 0) {
    std::vector<std::string> names;
    for (const model::Stack& path : composite.evaluation.spec->paths) names.push_back(path.name);
    return names;
  }
  const auto merge = merges.find(composite.composite);
  return merge == merges.end() ? std::vector<std::string>() : merge->second.parents;
}

bool HasBitsPerByte(const ModelResult& model) {
  const auto all = model.evaluation.losses.find(kAllText);
  return all != model.evaluation.losses.end() && all->second.bits_per_byte > 0;
}

std::string BitsPerByte(const ModelResult& model) {
  return HasBitsPerByte(model) ? Format("%.4f", model.evaluation.losses.at(kAllText).bits_per_byte)
                               : "-";
}

}  // namespace braid::report
