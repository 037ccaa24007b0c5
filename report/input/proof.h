// The account of a merge and the proof of its outputs: merge.json and gate.json (docs/formats.md).
// The fields that a report needs are read strictly.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"

namespace braid::report {

// The fields of merge.json that a report needs.
struct MergeAccount {
  // In the order of their slices.
  std::vector<std::string> parents;
  std::optional<model::ModelSpec> spec;
  int64_t seed = 0;
  // Numbers of tensors: from parents, new, and of parents without a place in the composite.
  int64_t taken = 0, fresh = 0, dropped = 0;
  // "bit-equal" if the bytes were compared with their sources; empty: they were not.
  std::string proof;
};

// The fields of gate.json that a report needs.
struct GateProof {
  // "bit-equal"; empty: hidden states were not compared.
  std::string hidden_states;
  int64_t tokens_compared = 0;
  // The largest difference between the composite's logits and those its parents give together; of
  // composites that preserve their parents' function (`connect: slice`).
  std::optional<double> logits_max_difference;
  // The loss of each parent on each corpus, and of the composite before the first step of its joint
  // training, in nats a token.
  std::map<std::string, std::map<std::string, double>> parents;
  std::map<std::string, double> composite;
};

// Read a file; kInvalidArgument names the file and the field that is wrong.
Result<MergeAccount> ReadMergeAccount(const std::string& file);
Result<GateProof> ReadGateProof(const std::string& file);

}  // namespace braid::report
