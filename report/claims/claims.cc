#include "report/claims/claims.h"

#include <utility>

#include "report/claims/claim.h"

namespace braid::report {

std::vector<Finding> TestClaims(const Results& results) {
  std::vector<Finding> findings;
  for (const Claim& claim : Claims()) {
    for (ClaimTest& test : claim.test(results)) {
      findings.push_back({claim.text, claim.source, claim.published, std::move(test.subject),
                          test.verdict, std::move(test.reason)});
    }
  }
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
