// A run with `seeds` or `sweep`: in how many of its variants the papers' claims hold.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "report/claims/claims.h"
#include "report/parts/part.h"
#include "report/results/sweep.h"

namespace braid::report {
namespace {

// The verdicts of the variants on one claim, each by itself.
struct ClaimCount {
  std::string source;
  // Variants in which it holds for all models it is tested on, for none, and the others.
  int holds = 0, does_not = 0, undecided = 0;
};

// The claims in the order in which the variants test them.
std::vector<std::pair<std::string, ClaimCount>> ClaimCountsOf(const Sweep& sweep) {
  std::vector<std::pair<std::string, ClaimCount>> all;
  for (const VariantResults& variant : sweep.variants) {
    std::map<std::string, std::vector<Finding>> of;
    for (const Finding& finding : TestClaims(variant.results)) {
      of[finding.claim].push_back(finding);
      const bool there = std::any_of(all.begin(), all.end(),
                                     [&](const auto& one) { return one.first == finding.claim; });
      if (!there) all.push_back({finding.claim, {finding.source}});
    }
    for (auto& [claim, tally] : all) {
      const auto found = of.find(claim);
      if (found == of.end()) continue;
      const auto size = static_cast<int>(found->second.size());
      const bool holds = CountOf(found->second, Verdict::kHolds) == size,
                 does_not = CountOf(found->second, Verdict::kDoesNotHold) == size;
      ++(holds ? tally.holds : does_not ? tally.does_not : tally.undecided);
    }
  }
  return all;
}

void AddClaimCounts(const Report& report, Document* document) {
  if (report.results.sweep == nullptr) return;
  Table table;
  table.columns = {{"claim"}, {"source"}, {"holds", true}, {"does not", true}, {"undecided", true}};
  for (const auto& [claim, tally] : ClaimCountsOf(*report.results.sweep)) {
    table.rows.push_back({claim, tally.source, std::to_string(tally.holds),
                          std::to_string(tally.does_not), std::to_string(tally.undecided)});
  }
  if (table.rows.empty()) return;
  document->Heading("Claims, tested on each variant");
  document->Text(
      "In how many variants a claim of the papers holds for all models that it is tested on, for "
      "none of them, or is undecided, each variant by its own trainings alone. Variants that share "
      "trainings say the same of them.");
  document->Add(std::move(table));
}

void AddClaimCountsJson(const Report& report, Json* json) {
  if (report.results.sweep == nullptr) return;
  Json& to = (*json)["sweep"]["claims"] = Json::array();
  for (const auto& [claim, tally] : ClaimCountsOf(*report.results.sweep)) {
    to.push_back({{"claim", claim},
                  {"source", tally.source},
                  {"holds", tally.holds},
                  {"does_not_hold", tally.does_not},
                  {"undecided", tally.undecided}});
  }
}

}  // namespace

Part SweepClaimsPart() {
  return {
      .name = "sweep_claims", .add_to_json = AddClaimCountsJson, .add_to_report = AddClaimCounts};
}

}  // namespace braid::report
