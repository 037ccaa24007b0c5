// Findings of a run by the words of their claims.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "report/claims/claims.h"
#include "tests/report/fabricated.h"

namespace braid::report {

// The findings whose claim holds `words`.
inline std::vector<Finding> About(const Results& results, const std::string& words) {
  std::vector<Finding> found;
  for (const Finding& finding : TestClaims(results)) {
    if (finding.claim.find(words) != std::string::npos) found.push_back(finding);
  }
  return found;
}

// The only one of them.
inline Finding One(const Results& results, const std::string& words) {
  const std::vector<Finding> found = About(results, words);
  EXPECT_THAT(found, testing::SizeIs(1)) << words;
  return found.empty() ? Finding{} : found[0];
}

}  // namespace braid::report
