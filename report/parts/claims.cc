// The part of the report on the claims of the papers.
#include "report/claims/claims.h"

#include <string>

#include "base/text.h"
#include "report/parts/part.h"

namespace braid::report {
namespace {

std::string Tally(const std::vector<Finding>& findings) {
  return Format("%d hold in this one training, %d do not, %d are undecided",
                CountOf(findings, Verdict::kHolds), CountOf(findings, Verdict::kDoesNotHold),
                CountOf(findings, Verdict::kUndecided));
}

// A row a finding, grouped by claim.
Table ClaimTable(const std::vector<Finding>& findings) {
  Table table;
  table.columns = {{"models"}, {"verdict", false, /*verdict=*/true}, {"measured here"}};
  std::string claim;
  for (const Finding& finding : findings) {
    if (finding.claim != claim) {
      claim = finding.claim;
      table.groups.push_back(
          {table.rows.size(), claim + " (" + finding.source + ": " + finding.published + ")"});
    }
    table.rows.push_back({finding.subject, ToText(finding.verdict), finding.reason});
  }
  return table;
}

void AddClaims(const Report& report, Document* document) {
  const std::vector<Finding>& findings = report.findings;
  if (findings.empty()) return;
  document->Heading("Claims, tested on this run");
  document->Text(
      "What the papers say, and whether it holds for the models above: " + Tally(findings) +
      Format(
          ". Scores are compared by the 95 %% interval of their difference, losses by that of "
          "their difference on the same text and by a margin of %.3f nats, times by %.0f %%; what "
          "lies within is undecided, and so is what was not measured. Composites stand against the "
          "dense model of the same tokens "
          "with the lowest loss. Every model was trained once: how far another seed, another "
          "number of ranks or another CPU would move it is in none of these figures.",
          kSameLoss, 100 * kSameTime));
  document->Add(ClaimTable(findings));
}

void AddClaimTally(const Report& report, Document* document) {
  if (report.findings.empty()) return;
  document->Text("Of the papers' claims, " + Tally(report.findings) + " (report.html).");
}

void AddClaimsJson(const Report& report, Json* json) {
  (*json)["claims"] = ToJson(report.findings);
}

}  // namespace

Part ClaimsPart() {
  return {.name = "claims", .add_to_json = AddClaimsJson, .add_to_report = AddClaims};
}

// Of the claims the summary says how many hold, at its end.
Part ClaimTallyPart() {
  return {.name = "claim_tally", .add_to_summary = AddClaimTally};
}

}  // namespace braid::report
