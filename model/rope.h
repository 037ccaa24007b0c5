// Rotary positions: how fast each pair of numbers of a head turns, as data.
#pragma once

#include <cstdint>
#include <vector>

#include "schema/words.h"

namespace braid::model {

struct Arch;

// A way to stretch rotary positions for longer contexts. llama3: pairs that turn slowly turn
// `factor` times more slowly, those that turn fast as before, and those between, between the two
// (rope_type llama3 of Hugging Face transformers, as of Llama 3.1 and later).
enum class RopeScalingKind { kLlama3 };
const schema::Words& WordsOf(RopeScalingKind);

// The names of the fields are those of transformers' rope_scaling, but for `kind`. The defaults are
// Llama 3.1's.
struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::kLlama3;
  double factor = 8;
  // A pair is slow if it turns less often than low_freq_factor times within the original positions,
  // and fast if more often than high_freq_factor times.
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  int64_t original_max_position_embeddings = 8192;

  friend bool operator==(const RopeScaling&, const RopeScaling&) = default;
};

// Angles by which the pairs of a head turn from one position to the next, [head_size / 2]: pair i
// by rope_base^(-2i / head_size), then scaled.
std::vector<double> RopeFrequencies(const Arch& arch, int64_t head_size);

}  // namespace braid::model
