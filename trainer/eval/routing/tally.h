// Counts which path a composite chose, and how often it was the right one
// (docs/papers/papaformer.md#s8.4, #s9).
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"

namespace braid::trainer {

// Choices are numbered from 0: first the paths, then, for a model with a router, the combined
// vector, which is never right.
class RoutingTally {
 public:
  // A tally of a layer, or a model, with this number of choices.
  explicit RoutingTally(int64_t choices) : counts_(static_cast<size_t>(choices), 0) {}

  // Counts one decision. `correct` is the right path, or -1 if none is known. REQUIRES: 0 <= choice
  // < choices.
  void Add(int64_t choice, int64_t correct);
  // Adds the counts of another tally with the same choices.
  void Add(const RoutingTally& other);

  // The number of counted decisions.
  int64_t decisions() const { return decisions_; }

  // Per cent of all decisions, one for each choice; 0 if there are no decisions.
  std::vector<double> Shares() const;

  // Per cent of the decisions for which the right path is known.
  double Correct() const;
  // Whether the right path was known for any decision.
  bool knows_correct() const { return judged_ > 0; }

 private:
  std::vector<int64_t> counts_;
  int64_t decisions_ = 0;
  int64_t judged_ = 0;
  int64_t right_ = 0;
};

// {"shares", "decisions", "correct"}; without `correct` if no right path is known.
Json ToJson(const RoutingTally& tally);

}  // namespace braid::trainer
