// The kinds of decoder blocks as objects that are found by name. A kind describes everything about
// a block (checks, tensors, costs) except its computation, which is in trainer/network/blocks/. A
// new kind is a file in model/blocks/ and an entry in model/blocks/registry.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/words.h"

namespace braid::model {

struct Arch;
struct Flops;
struct Stack;
class TensorList;
struct WidthProblem;
struct Widths;

// The sizes of one block of a stack. `depth` is the number of blocks that the residual stream
// passes through in the whole model; ResidualInit::kDepthScaled divides by its root.
struct BlockShape {
  const Stack& stack;
  const Arch& arch;
  int64_t depth;
};

// A kind of block. Objects have static storage and are compared by address.
struct BlockKind {
  const char* name;     // "dual_path", in recipes and configurations
  const char* meaning;  // completes "`dual_path`: ..." in the documents

  // Traits that other parts of the project ask for.
  bool has_deep = false;   // a path that loops one set of weights, Dual::loops times
  bool has_wide = false;   // a path that is applied once, beside or instead of a deep one
  bool has_gates = false;  // gates that weigh the deep and the wide path for each token
  // It computes what one Llama layer does, or several with the same weights, but for what is
  // scaled: a dense model of such blocks can be exported as a Llama.
  bool is_llama_layers = false;

  // The names of the fields of Dual that apply to this kind. Empty: the block has no section
  // `dual`, and Stack::ffn is the hidden width of its feed-forward.
  std::span<const char* const> settings;

  // kInvalidArgument, the message beginning with `where`, if Stack::ffn or Stack::dual cannot be
  // those of such a block. Width and heads have been checked.
  Status (*check)(const Stack& stack, const std::string& where);
  // Appends the tensors of one block, in the order in which they are used.
  void (*add_tensors)(const TensorList& to, const BlockShape& shape);
  // The floating-point operations of one block per token, forward, for sequences of `sequence`
  // tokens (model/flops.h).
  Flops (*flops)(const Stack& stack, const Arch& arch, int64_t sequence);
  // The widths that cost problem.budget (model/dual_width.h); null: a recipe has to give them.
  Result<Widths> (*solve_widths)(const WidthProblem& problem) = nullptr;

  // Whether a stack of this kind may have the setting of that name in its `dual` section.
  bool HasSetting(std::string_view field) const;
  // Whether stacks of this kind have a `dual` section.
  bool has_dual() const { return !settings.empty(); }
};

// All kinds of blocks, in the order in which documents and messages list them.
const std::vector<const BlockKind*>& Registered(const BlockKind*);

// The default kind: one Llama layer.
extern const BlockKind kLlamaBlock;

// Names of the blocks that have the field of Dual: "loop or dual_path".
std::string BlocksWithSetting(std::string_view field);

}  // namespace braid::model
