#include "report/results/sweep.h"

#include <cmath>
#include <set>

#include "base/text.h"
#include "report/results/baseline.h"
#include "report/results/cost.h"

namespace braid::report {
namespace {

// `seeds` of the recipe, or a sweep over `seed` itself: repetitions, and no settings.
bool IsSeedAxis(const std::string& axis) {
  return axis == "seeds" || axis == "seed";
}

bool HasValue(const VariantResults& variant, const SweptValue& value) {
  return std::find(variant.values.begin(), variant.values.end(), value) != variant.values.end();
}

// The values on which a training depends: those that all variants that share it have in common, of
// the axes on which variants differ at all.
std::vector<SweptValue> OwnValuesOf(const std::vector<VariantResults>& all,
                                    const std::vector<const VariantResults*>& sharing) {
  std::vector<SweptValue> values;
  for (const SweptValue& value : sharing.front()->values) {
    const bool common = std::all_of(sharing.begin(), sharing.end(),
                                    [&](const auto* variant) { return HasValue(*variant, value); });
    const bool varies = std::any_of(all.begin(), all.end(), [&](const VariantResults& variant) {
      return !HasValue(variant, value);
    });
    if (common && varies && !IsSeedAxis(value.axis)) values.push_back(value);
  }
  return values;
}

// The mean of what `of` gives of each training, if it is known of all.
template <class Of>
std::optional<Estimate> MeanOfTrainings(const Candidate& candidate, const Of& of) {
  std::vector<double> values;
  for (const ModelResult& training : candidate.trainings) {
    const std::optional<double> value = of(training);
    if (!value.has_value()) return std::nullopt;
    values.push_back(*value);
  }
  return values.empty() ? std::nullopt : std::optional<Estimate>(OfSeeds(values));
}

std::optional<double> IfKnown(double seconds) {
  return seconds >= 0 ? std::optional<double>(seconds) : std::nullopt;
}

bool HaveSameTokens(const Candidate& a, const Candidate& b) {
  return SameTokens(a.trainings.front(), b.trainings.front());
}

// Lower mean loss on all text; one that was measured is before one that was not.
bool HasLowerLoss(const Candidate& a, const Candidate& b) {
  const auto loss = a.LossOn(kAllText), other = b.LossOn(kAllText);
  if (!loss.has_value() || !other.has_value()) return loss.has_value();
  return loss->value < other->value;
}

// Composite less dense on a corpus, if both were measured on it.
std::optional<Estimate> DifferenceOn(const Candidate& composite, const Candidate& dense,
                                     const std::string& corpus) {
  const auto a = composite.LossOn(corpus), b = dense.LossOn(corpus);
  if (!a.has_value() || !b.has_value()) return std::nullopt;
  if (composite.trainings.size() == 1 && dense.trainings.size() == 1)
    return LossDifference(composite.trainings.front(), dense.trainings.front(), corpus);
  return Difference(*a, *b);
}

CandidateComparison BesideDense(const Candidate& composite, const Candidate& dense) {
  CandidateComparison comparison;
  comparison.composite = &composite;
  comparison.dense = &dense;
  const size_t a = composite.trainings.size(), b = dense.trainings.size();
  comparison.over_seeds = a > 1 && b > 1;
  comparison.one_training = a == 1 && b == 1;
  comparison.difference = *DifferenceOn(composite, dense, kAllText);
  for (const auto& [corpus, loss] : composite.trainings.front().evaluation.losses) {
    const auto difference = DifferenceOn(composite, dense, corpus);
    if (corpus != kAllText && difference.has_value()) comparison.by_corpus[corpus] = *difference;
  }
  const auto time = composite.Seconds(), device_time = dense.CoreSeconds(),
             own_device_time = composite.CoreSeconds();
  if (own_device_time.has_value() && device_time.has_value() && device_time->value > 0)
    comparison.device_time_share = own_device_time->value / device_time->value;
  if (time.has_value() && device_time.has_value() && device_time->value > 0 &&
      composite.cores() > 0)
    comparison.time_share = time->value /
                            (device_time->value / static_cast<double>(composite.cores()));
  return comparison;
}

// The measured candidates of a role with as many tokens as `like`.
std::vector<const Candidate*> MeasuredAlike(const std::vector<Candidate>& candidates, Role role,
                                            const Candidate& like) {
  std::vector<const Candidate*> alike;
  for (const Candidate& candidate : candidates) {
    if (candidate.role == role && candidate.LossOn(kAllText).has_value() &&
        HaveSameTokens(candidate, like))
      alike.push_back(&candidate);
  }
  return alike;
}

const Candidate* LowestOf(const std::vector<const Candidate*>& candidates) {
  const auto best = std::min_element(
      candidates.begin(), candidates.end(),
      [](const Candidate* a, const Candidate* b) { return HasLowerLoss(*a, *b); });
  return best == candidates.end() ? nullptr : *best;
}

// Core-seconds of all jobs behind these candidates. A job of several of them counts once.
double CoreSecondsOfAll(const Sweep& sweep, const std::vector<const Candidate*>& candidates) {
  std::set<std::string> wanted;
  for (const Candidate* candidate : candidates) {
    for (const ModelResult& training : candidate->trainings) wanted.insert(training.name);
  }
  std::map<std::string, double> seconds;
  for (const VariantResults& variant : sweep.variants) {
    for (const ModelResult& model : variant.results.models) {
      const auto training = variant.trainings.find(model.name);
      if (training == variant.trainings.end() || !wanted.contains(training->second)) continue;
      if (model.core_seconds < 0) return -1;
      for (const JobResult* job : JobsOf(variant.results, model)) {
        const auto renamed = variant.jobs.find(job->name);
        seconds[renamed == variant.jobs.end() ? job->name : renamed->second] =
            std::max(0.0, job->training_seconds()) * static_cast<double>(job->cores());
      }
    }
  }
  double sum = 0;
  for (const auto& [job, time] : seconds) sum += time;
  return sum;
}

Search SearchOf(const Sweep& sweep, const std::vector<const Candidate*>& candidates) {
  Search search;
  search.settings = static_cast<int64_t>(candidates.size());
  search.core_seconds = CoreSecondsOfAll(sweep, candidates);
  search.best = LowestOf(candidates);
  for (const Candidate* candidate : candidates)
    search.losses.push_back(candidate->LossOn(kAllText)->value);
  std::sort(search.losses.begin(), search.losses.end());
  return search;
}

}  // namespace

std::string Candidate::Title() const {
  std::vector<std::string> parts = {model};
  for (const SweptValue& value : values) parts.push_back(value.axis + " " + value.text);
  return Join(parts, ", ");
}

std::optional<Estimate> Candidate::LossOn(const std::string& corpus) const {
  return MeanOfTrainings(*this, [&](const ModelResult& one) { return one.LossOn(corpus); });
}
std::optional<Estimate> Candidate::Seconds() const {
  return MeanOfTrainings(*this, [](const ModelResult& one) { return IfKnown(one.seconds); });
}
std::optional<Estimate> Candidate::CoreSeconds() const {
  return MeanOfTrainings(*this, [](const ModelResult& one) { return IfKnown(one.core_seconds); });
}

std::vector<Candidate> CandidatesOf(const std::vector<VariantResults>& variants) {
  // The trainings in the order in which variants name them, and the variants of each.
  std::vector<std::string> order;
  std::map<std::string, std::vector<const VariantResults*>> sharing;
  std::map<std::string, const ModelResult*> models;
  for (const VariantResults& variant : variants) {
    for (const ModelResult& model : variant.results.models) {
      const std::string& training = variant.trainings.at(model.name);
      if (sharing[training].empty()) order.push_back(training);
      sharing[training].push_back(&variant);
      models.emplace(training, &model);
    }
  }
  std::vector<Candidate> candidates;
  for (const std::string& training : order) {
    ModelResult one = *models.at(training);
    Candidate made{one.name, one.role, OwnValuesOf(variants, sharing.at(training)), {}};
    one.name = training;
    const auto& jobs = sharing.at(training).front()->jobs;
    if (const auto job = jobs.find(one.job); job != jobs.end()) one.job = job->second;
    const auto there = std::find_if(
        candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
          return candidate.model == made.model && candidate.values == made.values;
        });
    Candidate& candidate = there == candidates.end() ? candidates.emplace_back(std::move(made))
                                                     : *there;
    candidate.trainings.push_back(std::move(one));
  }
  return candidates;
}

std::vector<CandidateComparison> CompareCandidates(const std::vector<Candidate>& candidates) {
  std::vector<CandidateComparison> all;
  for (const Candidate& candidate : candidates) {
    if (candidate.role != Role::kComposite || !candidate.LossOn(kAllText).has_value()) continue;
    if (const Candidate* dense = LowestOf(MeasuredAlike(candidates, Role::kDense, candidate));
        dense != nullptr)
      all.push_back(BesideDense(candidate, *dense));
  }
  return all;
}

// Of the sorted losses the i-th is the lowest of `tried` of n if the others are drawn from the n -
// i above it: C(n - i, tried - 1) of C(n, tried) drawings (i from 1).
double Search::BestOf(int64_t tried) const {
  const auto n = static_cast<int64_t>(losses.size());
  double share = static_cast<double>(tried) / static_cast<double>(n), mean = 0;
  for (int64_t i = 1; i <= n - tried + 1; ++i) {
    mean += share * losses[static_cast<size_t>(i - 1)];
    share *= static_cast<double>(n - i - tried + 1) /
             static_cast<double>(std::max<int64_t>(1, n - i));
  }
  return mean;
}

std::vector<EqualSearch> SearchesOf(const Sweep& sweep) {
  std::vector<EqualSearch> all;
  std::vector<const Candidate*> seen;
  for (const Candidate& candidate : sweep.candidates) {
    if (candidate.role != Role::kComposite || !candidate.LossOn(kAllText).has_value()) continue;
    const bool there = std::any_of(seen.begin(), seen.end(), [&](const Candidate* other) {
      return HaveSameTokens(*other, candidate);
    });
    const auto dense = MeasuredAlike(sweep.candidates, Role::kDense, candidate);
    if (there || dense.empty()) continue;
    seen.push_back(&candidate);
    EqualSearch search{
        candidate.tokens(),
        SearchOf(sweep, dense),
        SearchOf(sweep, MeasuredAlike(sweep.candidates, Role::kComposite, candidate)),
        {}};
    search.best = BesideDense(*search.composites.best, *search.dense.best);
    all.push_back(std::move(search));
  }
  std::sort(all.begin(), all.end(),
            [](const EqualSearch& a, const EqualSearch& b) { return a.tokens < b.tokens; });
  return all;
}

double CostOf(const Candidate& candidate, Cost cost) {
  if (cost == Cost::kTokens)
    return candidate.tokens() > 0 ? static_cast<double>(candidate.tokens()) : -1;
  const auto time = cost == Cost::kSeconds ? candidate.Seconds() : candidate.CoreSeconds();
  return time.has_value() ? time->value : -1;
}

std::vector<const Candidate*> FrontierOf(const std::vector<Candidate>& candidates, Cost cost) {
  std::vector<const Candidate*> ranked;
  for (const Candidate& candidate : candidates) {
    if (IsRanked(candidate) && candidate.LossOn(kAllText).has_value() &&
        CostOf(candidate, cost) >= 0)
      ranked.push_back(&candidate);
  }
  const auto loss = [](const Candidate* candidate) { return candidate->LossOn(kAllText)->value; };
  std::stable_sort(ranked.begin(), ranked.end(), [&](const Candidate* a, const Candidate* b) {
    return std::pair(CostOf(*a, cost), loss(a)) < std::pair(CostOf(*b, cost), loss(b));
  });
  std::vector<const Candidate*> frontier;
  for (const Candidate* candidate : ranked) {
    if (frontier.empty() || loss(candidate) < loss(frontier.back())) frontier.push_back(candidate);
  }
  return frontier;
}

}  // namespace braid::report
