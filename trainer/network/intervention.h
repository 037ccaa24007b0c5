// Interventions on a dual-path model during evaluation, and the values that are read out
// (docs/papers/dual_path.md#s6, #s7). No torch in this header.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace braid::trainer {

// Permutes the gates within each sequence: not at all, deep and wide each in an order of its own,
// or both in the same.
enum class GateShuffle { kNone, kIndependent, kJoint };

// Acts on every block with a deep path, or on those of some layers.
struct Intervention {
  std::vector<int64_t> layers;  // block or parallel layer numbers; empty: all, the large blocks of
                                // a composite too
  int64_t loops = 0;  // K' instead of K; 0: as trained. Steps beyond K use the last scale again
  bool rescales_steps = true;  // of K' < K: t_k = (k-1)/(K'-1); false: (k-1)/(K-1), as trained
  bool set_gates = false;      // (g_d, g_w) = (gate_deep, gate_wide) instead of the learned ones
  double gate_deep = 0;
  double gate_wide = 0;
  bool keep_sum = false;  // set gates are rescaled to the learned g_d + g_w, so that the residual
                          // keeps its scale
  std::vector<uint8_t> positions;  // [batch * sequence]: gates are set where it is not 0; empty:
                                   // everywhere
  GateShuffle shuffle = GateShuffle::kNone;
  uint64_t seed = 42;     // of the shuffle
  double early_exit = 0;  // > 0: a token stops at the first step whose incoming mass is at most
                          // this, which takes it all
};

// Read-outs of one block over all rows of a pass; vectors are [rows]. What a block does not have is
// empty.
struct BlockReadout {
  std::string place;              // "blocks.3", "parallel.1.path.0", "large.0"
  std::vector<float> deep_share;  // rho_d = g_d |D_d| / (g_d |D_d| + g_w |D_w|)
  std::vector<float> cosine;      // of D_d and D_w
  std::vector<float> gate_deep, gate_wide;
  std::vector<float> norm_deep, norm_wide, norm_input;  // |D_d|, |D_w|, |x|
  std::vector<float> expected_steps;                    // E of 1.3
  std::vector<std::vector<float>> step_router;          // q_k of every step that was computed
  std::vector<float> scale_deep;                        // s_d^k, [K]
  float scale_wide = 0;
};

// Routing decisions of one parallel layer over all rows (docs/papers/papaformer.md#s8.4). Choices 0
// .. N-1 are paths, N is the combination.
struct LayerRouting {
  std::vector<uint8_t> choices;  // routed: arg-max of what weighed the outputs, noise included
                                 // where there was some; share: arg-max_p cos(y_p, out), where
                                 // widths agree, else empty
  std::vector<uint8_t> clean_choices;  // routed: the same in a pass without noise in any layer
};

}  // namespace braid::trainer
