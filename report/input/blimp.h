// Accuracy on BLiMP's minimal pairs (docs/papers/papaformer.md#s8.1): how often a model gives the
// acceptable sentence of a pair the higher probability.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "report/input/estimate.h"

namespace braid::report {

// BLiMP scores of one model, in per cent.
struct Blimp {
  // Unweighted over the paradigms. Its interval is that of the pairs drawn, binomial a paradigm,
  // and of the router's noise where several noise seeds were averaged.
  Estimate mean;
  // The accuracy on each paradigm.
  std::map<std::string, double> paradigms;
  // In all paradigms together; 0: not known.
  int64_t pairs = 0;

  // Fewer than the 67 paradigms of 1000 pairs each that the published scores are of.
  bool partial() const { return pairs > 0 && (pairs < 67'000 || paradigms.size() < 67); }
};

// `blimp` of evaluation.json. A mean that the paradigms do not have is an error.
Result<Blimp> ReadBlimp(const Json& json, const std::string& path);

}  // namespace braid::report
