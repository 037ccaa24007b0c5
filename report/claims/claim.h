// A claim of a paper, and how it is tested on a run.
#pragma once

#include <string>
#include <vector>

#include "report/claims/finding.h"
#include "report/results/results.h"

namespace braid::report {

// Where claims come from.
inline constexpr char kPapaformer[] = "PaPaformer";
inline constexpr char kDualPath[] = "dual-path";
inline constexpr char kBraid[] = "braid";  // by construction, of what the papers do not have

// The result of testing a claim on one set of models.
struct ClaimTest {
  std::string subject;  // the models: "share and dense"
  Verdict verdict = Verdict::kUndecided;
  std::string reason;  // the figures, or what is missing and how to have it measured
};

// A claim of a paper, or of braid, with the tests that decide it on the results of a run.
struct Claim {
  const char* text;       // a plain sentence, the same for all its subjects
  const char* source;     // one of the above
  const char* published;  // what the source found, in short
  // One test for each set of models that the claim is about; none if the run has no such models. A
  // set whose measurements are missing is undecided.
  std::vector<ClaimTest> (*test)(const Results& results);
};

// All claims, in the order in which a report shows them: that of the papers.
const std::vector<Claim>& Claims();

}  // namespace braid::report
