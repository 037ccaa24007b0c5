// Sequences of tokens that share beginnings, as a tree: a common beginning is read once. No torch
// in this header.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/network/network.h"

namespace braid::trainer {

// The tokens that a model reads, a row each, and those whose probability is asked for.
struct PrefixTree {
  // A token whose probability is wanted.
  struct Target {
    int32_t row;  // after which the token stands
    int32_t id;
  };

  std::vector<int32_t> ids;
  // The row before each one in its sequences, which is an earlier one; -1 of a first token.
  std::vector<int32_t> parents;
  // In any order; a row may have several or none.
  std::vector<Target> targets;
};

// Whether `network` reads trees: on the CPU, unless rows draw noise. What a row gives then depends
// on its sequence alone.
bool ReadsPrefixTrees(const Network& network);

// log p of each of tree.targets, as Network::TokenLogProbabilities has it of whole sequences, but
// for rounding. REQUIRES: ReadsPrefixTrees, no intervention, and targets below vocab.
std::vector<float> PrefixLogProbabilities(Network& network, const PrefixTree& tree);

}  // namespace braid::trainer
