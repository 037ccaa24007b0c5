// How often a composite chose which path, and how often the right one
// (docs/papers/papaformer.md#s8.4, Table 6).
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"

namespace braid::trainer {

// Counts decisions. Choices are counted from 0: first the paths, then, of a model with a router,
// the combination, which is never right.
class RoutingTally {
 public:
  explicit RoutingTally(int64_t choices) : counts_(static_cast<size_t>(choices), 0) {}

  // One decision; `correct` is the path that would be right, or -1 where none is said to be.
  // REQUIRES: 0 <= choice < choices.
  void Add(int64_t choice, int64_t correct);
  void Add(const RoutingTally& other);

  int64_t decisions() const { return decisions_; }
  // Per cent of all decisions, one for each choice; 0 without decisions.
  std::vector<double> Shares() const;
  // Per cent of the decisions of which the right path is known.
  double Correct() const;
  bool knows_correct() const { return judged_ > 0; }

 private:
  std::vector<int64_t> counts_;
  int64_t decisions_ = 0;
  int64_t judged_ = 0;
  int64_t right_ = 0;
};

// {"shares", "decisions", "correct"}; without `correct` where no right path is known.
Json ToJson(const RoutingTally& tally);

}  // namespace braid::trainer
