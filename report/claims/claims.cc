#include "report/claims/claims.h"

namespace braid::report {

std::vector<Finding> TestClaims(const Results& results) {
  std::vector<Finding> findings = TestPapaformerClaims(results);
  for (const auto& more : {TestSliceClaims(results), TestDualPathClaims(results)})
    findings.insert(findings.end(), more.begin(), more.end());
  return findings;
}

Json ToJson(const std::vector<Finding>& findings) {
  Json json = Json::array();
  for (const Finding& finding : findings) {
    json.push_back({{"claim", finding.claim},
                    {"source", finding.source},
                    {"published", finding.published},
                    {"subject", finding.subject},
                    {"verdict", ToText(finding.verdict)},
                    {"reason", finding.reason}});
  }
  return json;
}

}  // namespace braid::report
