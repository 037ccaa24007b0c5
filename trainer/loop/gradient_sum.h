// The sum of the gradients over the ranks of a gang.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "trainer/collective/collective.h"
#include "trainer/network/network.h"

namespace braid::trainer {

// Adds up the flat gradients of all ranks. Of the embedding only the rows of tokens that some rank
// has read: the gradients of all others are zero. Not thread-safe.
class GradientSum {
 public:
  // Both outlive it. The gradients are zero.
  GradientSum(Network& network, Collective& collective);

  // Prepares the gang; to be called once, by all ranks.
  Status Begin();
  // Tokens that a backward pass of this rank has read since the last Sum.
  void Read(const std::vector<int32_t>& ids);
  // Replaces the gradients by their sums over all ranks, with the same bits on all of them.
  Status Sum();
  // The same in `part` alone, which is this rank's; elsewhere the gradients become zero. For ranks
  // that have weights in common (Collective::ShareValues), each with a part of its own.
  Status SumPart(Piece part);

 private:
  Status SumRows(float* rows);
  // The rows that some rank has read, once the ranks have said which.
  std::vector<int64_t> RowsRead() const;

  Network& network_;
  Collective& collective_;
  // Where the rows of the embedding are in the flat gradients.
  const int64_t offset_, vocab_, width_;
  // For each row how many ranks have read it, or of this rank whether.
  std::vector<float> readers_;
};

}  // namespace braid::trainer
