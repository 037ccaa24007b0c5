// A stack of equal decoder blocks, as data: the kind of block, its sizes, and the number of blocks.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "model/block.h"
#include "schema/words.h"

namespace braid::model {

// Bounds of a stack: the most steps of a deep path, and the most units of any hidden width, so that
// products of sizes stay whole numbers.
inline constexpr int64_t kMaxLoops = 64;
inline constexpr int64_t kMaxHidden = 1 << 24;

// How the outputs of the deep and the wide path are weighed: by two gates, by one and its
// complement, by a softmax, or by a half each (docs/papers/dual_path.md#s1.5, docs/models.md).
enum class DualGate { kTwoGates, kConvex, kSoftmax, kFixed };
// How the steps of a deep path are mixed: by learned halting, the last alone, their mean
// (docs/papers/dual_path.md#s1.3, docs/models.md).
enum class StepMix { kAct, kFinal, kUniform };
// scaled: y = g_d h_d + g_w h_w. preserved: y = x + g_d (h_d - x) + g_w (h_w - x).
enum class DualResidual { kScaled, kPreserved };
const schema::Words& WordsOf(DualGate);
const schema::Words& WordsOf(StepMix);
const schema::Words& WordsOf(DualResidual);

// Settings of the blocks that have any (docs/papers/dual_path.md#s1, #s3, #s9); BlockKind::settings
// lists those that apply to a kind of block; the others have their defaults.
struct Dual {
  int64_t loops = 1;     // K: steps of the deep path, which share one set of weights
  int64_t ffn_deep = 0;  // hidden width of the deep path's feed-forward, as it is (no 2/3 rule)
  int64_t ffn_wide = 0;  // the same of the wide path
  DualGate gate = DualGate::kTwoGates;
  StepMix mix = StepMix::kAct;
  DualResidual residual = DualResidual::kScaled;
  bool skip_last_router = true;  // the last step takes the remaining mass in any case, so its
                                 // router is not computed
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
  int64_t heads = 0;  // of queries; head size d / heads
  int64_t blocks = 0;
  int64_t ffn = 0;  // of blocks without `dual`: hidden width of the feed-forward, 4d unless said
                    // otherwise
  const BlockKind* block = &kLlamaBlock;  // never null
  Dual dual;                              // of blocks that have settings
  bool identity = false;  // the blocks start as the identity: attn.o (attn.v without one) and
                          // ffn.down are zero
  // Heads of keys and values, each for heads / kv_heads neighbouring queries (grouped-query
  // attention); 0: as many as `heads`.
  int64_t kv_heads = 0;

  // Whether its blocks have a deep path, and a wide path.
  bool has_deep() const { return block->has_deep; }
  bool has_wide() const { return block->has_wide; }
  // The width of one head. REQUIRES: heads > 0.
  int64_t head_size() const { return d / heads; }
  // The number of heads of keys, which is also that of values.
  int64_t key_heads() const { return kv_heads == 0 ? heads : kv_heads; }
  // Width of all heads of keys, and of values.
  int64_t value_width() const { return key_heads() * head_size(); }

  friend bool operator==(const Stack&, const Stack&) = default;
};

// The stack as the JSON of a configuration, with `ffn` or `dual` depending on the kind of block.
Json StackToJson(const Stack& stack);

// Checks the sizes: heads divide d into even head sizes, kv_heads divide heads, the widths that the
// kind of block needs are given, and so on. kInvalidArgument; the message begins with `where`.
Status ValidateStack(const Stack& stack, const std::string& where);

// Two large blocks of a composite of these paths, as they are where nothing else is said: llama, D
// the sum of the widths, 4 D in the feed-forward. As many heads as the paths have together, or
// heads of the first path's size, whichever fits first; 0 if neither does.
Stack DefaultLarge(const std::vector<Stack>& paths);

// Equal but for their names.
bool SameShape(const Stack& a, const Stack& b);

}  // namespace braid::model
