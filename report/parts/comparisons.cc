// Each composite beside its start, its paths and the models trained from scratch, by their losses.
#include <cmath>
#include <string>
#include <vector>

#include "base/text.h"
#include "report/parts/part.h"
#include "report/parts/wording.h"
#include "report/results/baseline.h"
#include "task/artifact.h"

namespace braid::report {
namespace {

// One sentence that compares two losses and says who lost.
std::string Against(const ModelResult& model, const ModelResult& other, Estimate difference,
                    const std::string& corpus) {
  const std::string figures = Format(" (%.4f and %.4f)", *model.LossOn(corpus),
                                     *other.LossOn(corpus)),
                    where = CorpusTitle(corpus);
  const Verdict lower = LossIsLower(difference);
  if (std::abs(difference.value) < kSameLoss)
    return kInThisTraining + model.name + " and " + other.name + " are equal on " + where +
           figures + ".";
  if (lower == Verdict::kUndecided) {
    return kInThisTraining + model.name + " and " + other.name + " do not differ for sure on " +
           where + ": " + ToText(difference, 4) + figures + ".";
  }
  difference.value = std::abs(difference.value);
  const bool better = lower == Verdict::kHolds;
  return kInThisTraining + model.name + (better ? " is better than " : " is worse than ") +
         other.name + " on " + where + ": its loss is " + ToText(difference, 4) +
         (better ? " lower" : " higher") + figures + ".";
}

// The corpus a path was trained on; if its job is not known, the one it knows best.
std::string HomeOf(const Results& results, const ModelResult& path) {
  if (const JobResult* job = results.FindJob(path.job); job != nullptr) {
    for (const auto& [role, id] : job->inputs) {
      if (role.starts_with(task::role::kDataPrefix))
        return role.substr(std::string_view(task::role::kDataPrefix).size());
    }
  }
  std::string best;
  for (const auto& [corpus, loss] : path.evaluation.losses) {
    if (corpus != kAllText && (best.empty() || loss.loss < path.evaluation.losses.at(best).loss))
      best = corpus;
  }
  return best;
}

void AddComparison(const ModelResult& composite, const ModelResult& other,
                   const std::string& corpus, std::vector<std::string>* lines) {
  const auto difference = LossDifference(composite, other, corpus);
  if (difference.has_value()) lines->push_back(Against(composite, other, *difference, corpus));
}

std::vector<std::string> Comparisons(const Results& results) {
  std::vector<std::string> lines;
  for (const ModelResult* composite : results.WithRole(Role::kComposite)) {
    for (const ModelResult& other : results.models) {
      const bool its_start = other.role == Role::kCompositeStart &&
                             other.composite == composite->composite;
      if (its_start || other.baseline()) AddComparison(*composite, other, kAllText, &lines);
    }
    for (const std::string& name : results.PathsOf(*composite)) {
      const ModelResult* path = results.FindModel(name);
      // A path is compared on its own corpus, where it is at its best.
      if (path != nullptr) AddComparison(*composite, *path, HomeOf(results, *path), &lines);
    }
  }
  for (const ModelResult* composite : results.WithRole(Role::kCompositeScratch)) {
    for (const ModelResult* dense : results.WithRole(Role::kDense))
      AddComparison(*composite, *dense, kAllText, &lines);
  }
  return lines;
}

// Loss on all text of each composite less that of what it is compared with.
Table DifferenceTable(const Results& results) {
  Table table;
  table.columns = {{"composite"}, {"its start", true}};
  std::vector<const ModelResult*> baselines;
  for (const ModelResult& model : results.models) {
    if (model.baseline()) baselines.push_back(&model);
  }
  for (const ModelResult* model : baselines) table.columns.push_back({model->name, true});
  table.columns.push_back({"its best path", true});
  for (const ModelResult* composite : results.WithRole(Role::kComposite)) {
    std::vector<const ModelResult*> others = {results.StartOf(*composite)};
    others.insert(others.end(), baselines.begin(), baselines.end());
    others.push_back(BestPathOf(results, *composite));
    std::vector<std::string> row = {composite->name};
    for (const ModelResult* other : others) {
      const auto difference = other == nullptr ? std::nullopt
                                               : LossDifference(*composite, *other, kAllText);
      row.push_back(difference.has_value()
                        ? (difference->value < 0 ? "" : "+") + ToText(*difference, 4)
                        : "-");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

void AddComparisons(const Report& report, Document* document) {
  const std::vector<std::string> lines = Comparisons(report.results);
  if (lines.size() <= kMaxSentences) {
    for (const std::string& line : lines) document->Text(line);
    return;
  }
  document->Text(
      "In this one training the losses on all text differ so, composite less the other model; "
      "below zero the composite is better:");
  document->Add(DifferenceTable(report.results));
}

}  // namespace

Part ComparisonsPart() {
  return {.name = "comparisons", .add_to_summary = AddComparisons, .add_to_report = AddComparisons};
}

}  // namespace braid::report
