// How a dual-path model uses its deep and its wide path: interventions on them, and read-outs of
// gates and shares (docs/papers/dual_path.md#s6, #s7).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "spec/evaluate/dual_path.h"

namespace braid::report {

// Blocks that were forced to something while the loss was measured.
struct Intervention {
  std::string name;
  // Steps K that were forced; 0: as trained.
  int64_t loops = 0;
  // The rule of the gates. Absent: they are as learned, or have `gate_values`.
  std::optional<spec::GateRule> gates;
  bool gate_values = false;
  // The class of tokens on which gates are set, or several of them ("NUM, SYM"); empty: everywhere.
  std::string token_class;
  // By corpus, nats a token; the change is against the gates as they were learned.
  std::map<std::string, double> loss, change;
  // In some layers alone, or beside an early exit: no evidence for claims about all layers.
  bool partial = false;
  // Gates are set on as many tokens outside of the class instead.
  bool control = false;
  // With the learned sum of both gates, so that the residual stream keeps its scale.
  bool keep_sum = false;
  // Of shuffled gates.
  spec::GateShuffle shuffle = spec::GateShuffle::kIndependent;
};

// A line of read-outs: what it is about (corpus, class, place) and its numbers by name.
struct ReadOut {
  std::vector<std::pair<std::string, std::string>> labels;
  std::map<std::string, double> values;
};
// The value of a label; empty if the line has none of the name.
std::string LabelOf(const ReadOut& row, const std::string& label);

// The dual-path part of one model's evaluation.json.
struct Dual {
  std::map<std::string, double> loss;  // by corpus, with what was learned; empty: not known
  std::vector<ReadOut> layers;         // one a block, in their order
  std::vector<ReadOut> readouts;       // one a corpus, class of tokens and block
  std::vector<Intervention> interventions;
};

// `dual` of evaluation.json.
Result<Dual> ReadDual(const Json& json, const std::string& path);

}  // namespace braid::report
