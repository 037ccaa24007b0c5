// The models that claims about composites compare, and the figures they give.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "report/input/estimate.h"
#include "report/results/results.h"

namespace braid::report {

// A composite and the dense model that it is compared with: of the same tokens, with the lowest
// loss (report/results/baseline.h).
struct CompositeAndDense {
  const ModelResult& composite;
  const ModelResult& dense;

  // Both names, for ClaimTest::subject.
  std::string subject() const { return composite.name + " and " + dense.name; }
};
// All composites of `roles`, role by role; those without a dense model to compare with are left
// out.
std::vector<CompositeAndDense> AgainstDense(const Results& results,
                                            std::initializer_list<Role> roles);

// "difference +0.15 ± 0.40" of two scores; one without an interval says how to have one.
std::string ScoreDifferenceText(const Estimate& difference);
// "; not on the same tokens: 1.00 M against 5.00 M", or which model's tokens are not known; empty
// if both saw as many.
std::string TokensText(const ModelResult& a, const ModelResult& b);

}  // namespace braid::report
