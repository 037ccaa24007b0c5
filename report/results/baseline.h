// The choice of dense models with which a composite is compared.
#pragma once

#include <vector>

#include "report/results/results.h"

namespace braid::report {

// Numbers of tokens that differ by more than this share do not count as the same.
constexpr double kSameTokens = 0.02;

// Whether both were trained on the same number of tokens; unknown numbers count as the same.
bool SameTokens(const ModelResult& a, const ModelResult& b);

// The dense models that saw as many tokens as `composite`; all of them if none did.
std::vector<const ModelResult*> BaselinesOf(const Results& results, const ModelResult& composite);

// Of these the one with the lowest loss on all text: the hardest to beat. Without losses the first;
// null if there is none.
const ModelResult* BestBaselineOf(const Results& results, const ModelResult& composite);

// The path of `composite` with the lowest loss on all text; null if none was measured.
const ModelResult* BestPathOf(const Results& results, const ModelResult& composite);

}  // namespace braid::report
