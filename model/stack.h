// A stack of equal decoder blocks, as data: what kind of block, how wide, how many.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::model {

// Bounds of a stack: the most steps of a deep path, and the most units of any hidden width, so that
// products of sizes stay whole numbers.
inline constexpr int64_t kMaxLoops = 64;
inline constexpr int64_t kMaxHidden = 1 << 24;

// The knobs of the blocks `wide`, `loop` and `dual_path` (docs/papers/dual_path.md#s1, #s3, #s9). A
// stack of `llama` blocks has them all at their defaults, and a `wide` stack uses ffn_wide,
// scale_init, scale_decay and qk_norm alone.
struct Dual {
  int64_t loops = 1;     // K: steps of the deep path, which share one set of weights
  int64_t ffn_deep = 0;  // hidden width of the deep path's feed-forward, as it is (no 2/3 rule)
  int64_t ffn_wide = 0;  // the same of the wide path
  std::string gate = "two_gates";   // two_gates | convex | softmax | fixed: how deep and wide are
                                    // weighed (1.5, 1.6)
  std::string mix = "act";          // act | final | uniform: how the steps are mixed (1.3, 1.6)
  std::string residual = "scaled";  // scaled: y = g_d h_d + g_w h_w | preserved: y = x + g_d (h_d -
                                    // x) + g_w (h_w - x)
  bool skip_last_router = true;  // the last step takes what mass is left whatever its router says:
                                 // do not ask it
  double scale_init = -7;        // start of a_k and beta; a sublayer is scaled by softplus of them
                                 // (section 3)
  bool scale_decay = false;      // weight decay on a_k and beta
  bool qk_norm = false;  // RMS norm on queries and keys, a head at a time, after the rotation
  bool cross = false;    // zero-started maps between the paths (1.6)

  friend bool operator==(const Dual&, const Dual&) = default;
};

// A dense model, a path, or the large blocks of a composite.
struct Stack {
  std::string name;   // "path_1"; of a dense model, the model's name
  int64_t d = 0;      // width w
  int64_t heads = 0;  // head size d / heads
  int64_t blocks = 0;
  int64_t ffn = 0;  // llama: hidden width of the feed-forward, 4d unless said otherwise; other
                    // blocks: unused
  std::string block = "llama";  // llama | wide | loop | dual_path
  Dual dual;                    // of blocks that are not llama
  bool identity = false;        // the blocks start as the identity: attn.o (attn.v without one) and
                                // ffn.down are zero

  bool has_deep() const { return block == "loop" || block == "dual_path"; }
  bool has_wide() const { return block == "wide" || block == "dual_path"; }
  int64_t head_size() const { return d / heads; }

  friend bool operator==(const Stack&, const Stack&) = default;
};

// Exact inverses. `dual` stands in the JSON of blocks that are not llama alone; `path` names the
// place in errors.
Json StackToJson(const Stack& stack);
Result<Stack> StackFromJson(const Json& json, const std::string& path);
// The knobs alone, for recipes that write `dual: {...}`.
Result<Dual> DualFromJson(const Json& json, const std::string& path);

// Heads divide d into even sizes, the widths that the block needs are there, ... The error begins
// with `where`.
Status ValidateStack(const Stack& stack, const std::string& where);

// The two large blocks of a composite of these paths where nothing else is said: llama, D the sum
// of the widths, 4 D in the feed-forward. As many heads as the paths have together, or heads of the
// first path's size, whichever fits first; 0 if neither does.
Stack UsualLarge(const std::vector<Stack>& paths);

// Equal but for their names.
bool SameShape(const Stack& a, const Stack& b);

}  // namespace braid::model
