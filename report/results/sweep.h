// The results of a run with `seeds` or `sweep`: its trainings by model and setting, with intervals
// over seeds, and what follows from them. No prose, no layout.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/input/estimate.h"
#include "report/results/results.h"

namespace braid::report {

// A value of an axis: the axis, and the value as the recipe writes it.
struct SweptValue {
  std::string axis, text;

  friend bool operator==(const SweptValue&, const SweptValue&) = default;
};

// A variant as a run of its own, with the names that it would have there.
struct VariantResults {
  std::string name;
  // In the order of the axes.
  std::vector<SweptValue> values;
  Results results;
  // From the name of a model here to that of its training in the run.
  std::map<std::string, std::string> trainings;
  // The same of jobs, where the two differ.
  std::map<std::string, std::string> jobs;
};

// One model under one setting: its trainings differ in their seeds alone.
struct Candidate {
  std::string model;
  Role role = Role::kPath;
  // Of the axes that it depends on, seeds left out.
  std::vector<SweptValue> values;
  // In the order of the run, one a seed; their names and jobs are those of the run.
  std::vector<ModelResult> trainings;

  // "dense, train.optimizer.lr 3e-3".
  std::string Title() const;
  // Means over the trainings, with the interval that the seeds leave; nothing where a training was
  // not measured.
  std::optional<Estimate> LossOn(const std::string& corpus) const;
  std::optional<Estimate> Seconds() const;
  // Core-seconds of all jobs: device time.
  std::optional<Estimate> CoreSeconds() const;
  // Tokens of the first training; 0: not known.
  int64_t tokens() const { return trainings.front().tokens; }
  // Cores (or GPUs) of the first training; 0: not known.
  int64_t cores() const { return trainings.front().cores; }
};

// The variants of a run and their results.
struct Sweep {
  // Axes with more than one value, in the order of the recipe.
  std::vector<std::string> axes;
  std::vector<VariantResults> variants;
  // Those that came to their end.
  std::vector<Candidate> candidates;
};

// Groups the trainings of the variants by model and setting. A training that several variants share
// is one.
std::vector<Candidate> CandidatesOf(const std::vector<VariantResults>& variants);

// A composite beside the dense model that is the hardest to beat with the same tokens.
struct CandidateComparison {
  const Candidate* composite = nullptr;
  const Candidate* dense = nullptr;
  // Loss on all text, composite less dense, and on each corpus that both were measured on. Where
  // both have several seeds, their interval is that of independent seeds (Welch); where both have
  // one, that of the text that was set aside; else it is not known.
  Estimate difference;
  std::map<std::string, Estimate> by_corpus;
  // Both have at least two seeds; or both are one training.
  bool over_seeds = false;
  bool one_training = false;
  // Time of the composite as a share of the dense model's on equal cores, were that model's time
  // divided by its cores; negative: not known.
  double time_share = -1;
  // The same of core-seconds: of the time of devices.
  double device_time_share = -1;
};
// Each composite with the dense candidate of the lowest mean loss among those with as many tokens.
// Composites that no dense model has the tokens of are left out.
std::vector<CandidateComparison> CompareCandidates(const std::vector<Candidate>& candidates);

// The result of the search over one family of models, dense or composite, with equal tokens.
struct Search {
  // Settings that were tried, and the core-seconds of all their jobs; negative: not known.
  int64_t settings = 0;
  double core_seconds = -1;
  // The setting with the lowest mean loss on all text.
  const Candidate* best = nullptr;
  // Means of the settings' losses, sorted.
  std::vector<double> losses;

  // The loss of the best of `tried` settings that are drawn from these without putting back, in the
  // mean over all such drawings. REQUIRES: 1 <= tried <= settings.
  double BestOf(int64_t tried) const;
};

// Dense models and composites that saw the same tokens: the best of each, and what they would be
// had both families been searched equally long.
struct EqualSearch {
  int64_t tokens = 0;
  Search dense, composites;
  // The settings that both families have: the smaller number.
  int64_t tried() const { return std::min(dense.settings, composites.settings); }
  // The best composite beside the best dense candidate.
  CandidateComparison best;
};
// One for each number of tokens that both families have, in the order of tokens.
std::vector<EqualSearch> SearchesOf(const Sweep& sweep);

// A cost with which losses are compared.
enum class Cost { kTokens, kSeconds, kCoreSeconds };
// The cost of a candidate; negative: not known.
double CostOf(const Candidate& candidate, Cost cost);
// The dense and composite candidates that no other one beats in both cost and mean loss on all
// text, from the cheapest to the one with the lowest loss.
std::vector<const Candidate*> FrontierOf(const std::vector<Candidate>& candidates, Cost cost);

// Whether candidates of this role are compared: dense models and trained composites.
inline bool IsRanked(const Candidate& candidate) {
  return candidate.role == Role::kDense || candidate.role == Role::kComposite;
}

}  // namespace braid::report
