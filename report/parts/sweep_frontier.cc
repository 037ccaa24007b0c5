// A run with `seeds` or `sweep`: which models no other one beats in both loss and cost.
#include "base/text.h"
#include "report/page/plot.h"
#include "report/parts/part.h"
#include "report/parts/wording.h"
#include "report/results/sweep.h"

namespace braid::report {
namespace {

struct CostWords {
  Cost cost;
  const char *title, *axis, *file, *key;
};
constexpr CostWords kCosts[] = {
    {Cost::kTokens, "tokens", "tokens", "frontier-tokens.svg", "tokens"},
    {Cost::kSeconds, "time", "seconds", "frontier-time.svg", "seconds"},
    {Cost::kCoreSeconds, "device time", "core-seconds", "frontier-device-time.svg", "core_seconds"},
};

std::string CostText(const Candidate& candidate, Cost cost) {
  const double value = CostOf(candidate, cost);
  return cost == Cost::kTokens ? FormatCount(value) : FormatDuration(value);
}

Table FrontierTable(const Sweep& sweep) {
  Table table;
  table.columns = {
      {"cost", true}, {"model"}, {"what"}, {"seeds", true}, {"loss on all text", true}};
  for (const CostWords& words : kCosts) {
    const std::vector<const Candidate*> frontier = FrontierOf(sweep.candidates, words.cost);
    if (frontier.empty()) continue;
    table.groups.push_back({table.rows.size(), std::string("Loss against ") + words.title});
    for (const Candidate* candidate : frontier) {
      table.rows.push_back({CostText(*candidate, words.cost), candidate->Title(),
                            TitleOf(candidate->role), std::to_string(candidate->trainings.size()),
                            ToText(*candidate->LossOn(kAllText), 4)});
    }
  }
  return table;
}

// The frontiers of dense models alone and of composites alone, so that one sees where they cross.
Plot FrontierPlot(const Sweep& sweep, const CostWords& words) {
  Plot plot{
      std::string("Loss against ") + words.title, words.axis, "loss on all text, nats a token", {}};
  for (const auto& [role, label] :
       {std::pair{Role::kDense, "dense models"}, {Role::kComposite, "composites"}}) {
    std::vector<Candidate> family;
    for (const Candidate& candidate : sweep.candidates) {
      if (candidate.role == role) family.push_back(candidate);
    }
    Curve curve{label, {}};
    for (const Candidate* candidate : FrontierOf(family, words.cost))
      curve.points.emplace_back(CostOf(*candidate, words.cost), candidate->LossOn(kAllText)->value);
    if (!curve.points.empty()) plot.curves.push_back(std::move(curve));
  }
  return plot;
}

void AddFrontierTable(const Report& report, Document* document) {
  if (report.results.sweep == nullptr) return;
  Table table = FrontierTable(*report.results.sweep);
  if (table.rows.empty()) return;
  document->Heading("The frontier");
  document->Add(std::move(table));
  document->Text(
      "Of dense models and trained composites, those that no other one beats in both the cost and "
      "the mean loss; what is between two of them may be chance where their intervals meet.");
}

void AddFrontier(const Report& report, Document* document) {
  AddFrontierTable(report, document);
  if (report.results.sweep == nullptr) return;
  for (const CostWords& words : kCosts) {
    const Plot plot = FrontierPlot(*report.results.sweep, words);
    if (plot.curves.empty()) continue;
    document->Plot(std::string("The lowest mean losses at each ") + words.title +
                       ", of dense models and of composites.",
                   words.file, ToSvg(plot));
  }
}

void AddFrontierJson(const Report& report, Json* json) {
  if (report.results.sweep == nullptr) return;
  Json& to = (*json)["frontier"];
  for (const CostWords& words : kCosts) {
    to[words.key] = Json::array();
    for (const Candidate* candidate : FrontierOf(report.results.sweep->candidates, words.cost)) {
      to[words.key].push_back({{"model", candidate->Title()},
                               {"role", schema::NameOf(candidate->role)},
                               {"cost", CostOf(*candidate, words.cost)},
                               {"loss", ToJson(*candidate->LossOn(kAllText))}});
    }
  }
}

}  // namespace

Part SweepFrontierPart() {
  return {.name = "sweep_frontier",
          .add_to_json = AddFrontierJson,
          .add_to_summary = AddFrontierTable,
          .add_to_report = AddFrontier};
}

}  // namespace braid::report
