// The numbers that a reader should see first.
#include <algorithm>

#include "base/text.h"
#include "report/parts/part.h"

namespace braid::report {
namespace {

const ModelResult* BestOf(const Results& results, Role role) {
  const ModelResult* best = nullptr;
  for (const ModelResult* model : results.WithRole(role)) {
    if (!model->LossOn(kAllText).has_value()) continue;
    if (best == nullptr || *model->LossOn(kAllText) < *best->LossOn(kAllText)) best = model;
  }
  return best;
}

void AddHighlights(const Report& report, Document* document) {
  const auto& [results, findings] = report;
  std::vector<Tile> tiles;
  for (const auto& [role, label] :
       {std::pair{Role::kComposite, "Best composite, loss on all text"},
        {Role::kCompositeScratch, "Best composite from scratch, loss on all text"},
        {Role::kDense, "Best dense model, loss on all text"}}) {
    const ModelResult* best = BestOf(results, role);
    if (best != nullptr) {
      tiles.push_back({label, Format("%.4f", *best->LossOn(kAllText)),
                       best->name + ", " +
                           FormatCount(static_cast<double>(best->evaluation.parameters)) +
                           " parameters"});
    }
  }
  if (!results.speed.empty()) {
    const auto fastest = std::max_element(
        results.speed.begin(), results.speed.end(), [](const auto& a, const auto& b) {
          return a.dense_equal_cores / a.critical_path < b.dense_equal_cores / b.critical_path;
        });
    tiles.push_back({"Critical path of " + fastest->composite,
                     FormatDuration(fastest->critical_path),
                     fastest->dense + " on the same " + std::to_string(fastest->cores) +
                         " cores: " + FormatDuration(fastest->dense_equal_cores)});
  }
  if (!findings.empty()) {
    tiles.push_back({"Claims that hold in this one training",
                     Format("%d of %zu", CountOf(findings, Verdict::kHolds), findings.size()),
                     Format("%d do not, %d are undecided", CountOf(findings, Verdict::kDoesNotHold),
                            CountOf(findings, Verdict::kUndecided))});
  }
  if (!tiles.empty()) document->Tiles(std::move(tiles));
}

}  // namespace

Part HighlightsPart() {
  return {.name = "highlights", .add_to_report = AddHighlights};
}

}  // namespace braid::report
