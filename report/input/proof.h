// What a merge says of itself, and the proof of its outputs: merge.json and gate.json
// (docs/formats.md), read strictly in what a report needs of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"

namespace braid::report {

struct MergeAccount {
  std::vector<std::string> parents;  // in the order of their slices
  std::optional<model::ModelSpec> spec;
  int64_t seed = 0;
  int64_t taken = 0, fresh = 0, dropped = 0;  // tensors from parents, new ones, those without a
                                              // place
  std::string proof;                          // of the bytes; empty: none
};

struct GateProof {
  std::string hidden_states;  // "bit-equal", or empty: not compared
  int64_t tokens_compared = 0;
  // The largest difference between the composite's logits and those its parents give together; of
  // composites that preserve their parents' function (`connect: slice`).
  std::optional<double> logits_max_difference;
  std::map<std::string, std::map<std::string, double>> parents;  // parent -> corpus -> loss
  std::map<std::string, double> composite;  // corpus -> loss before the first step
};

Result<MergeAccount> ReadMergeAccount(const std::string& file);
Result<GateProof> ReadGateProof(const std::string& file);

}  // namespace braid::report
