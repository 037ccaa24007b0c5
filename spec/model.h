// The models of a recipe: `paths`, `composites` and `baselines`. Blocks, connections and routers
// are described in model/fields.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/dual_width.h"
#include "model/spec.h"
#include "schema/schema.h"
#include "spec/common.h"
#include "spec/train.h"

namespace braid::spec {

// How hidden widths are given: as they are, or before the 2/3 rule of the dual-path paper.
enum class FfnRule { kExact, kPaper };
const schema::Words& WordsOf(FfnRule);

// `dual` of a recipe: the settings of model::Dual. Hidden widths are given directly, before the 2/3
// rule, or by a budget of operations.
struct RecipeDual : model::Dual {
  FfnRule ffn_rule = FfnRule::kExact;
  // Under FfnRule::kPaper: the multiple to which widths are rounded up, and the widths before the
  // rule.
  int64_t multiple = 256;
  std::optional<int64_t> d_ffn_deep;
  std::optional<int64_t> d_ffn_wide;
  // Operations of a token and layer, from which the solver takes the widths (model/dual_width.h),
  // and the fields of its problem.
  std::optional<double> budget;
  double alpha = 0.5;
  model::FlopMatch flop_match = model::FlopMatch::kProjections;
  std::optional<int64_t> against;

  static const schema::Schema& Fields();
};

// Blocks of one kind and width, as recipes write them.
struct RecipeBlocks {
  // Heads of keys and values; absent: as many as `heads`.
  std::optional<int64_t> kv_heads;
  const model::BlockKind* block = &model::kLlamaBlock;
  // The hidden width of blocks without `dual`; absent: four times the width.
  std::optional<int64_t> ffn;
  // Required of the blocks that have settings, refused of the others.
  std::optional<RecipeDual> dual;

  static const schema::Schema& Fields();
};

// A stack of blocks: width, heads of attention, and the number of blocks.
struct RecipeStack : RecipeBlocks {
  int64_t d = 64;
  int64_t heads = 1;
  int64_t blocks = 1;

  static const schema::Schema& Fields();
};

// A path that is given by its shape alone: of a composite that is trained from scratch, or one that
// stays in a base.
struct RecipeShape : RecipeStack {
  std::string name;
  // Of a path that stays in a base: the corpus that it was trained on.
  std::string corpus;

  static const schema::Schema& Fields();
};

// What paths and baselines have in common.
struct RecipeTraining {
  int64_t slots = 1;
  Device device = Device::kCpu;
  // The weights that its training begins with, an artifact id or a folder; empty: drawn from the
  // seed.
  std::string start;
  StartMoments start_moments = StartMoments::kAuto;
  // `continue`: a checkpoint of a training of the same text, which this one makes longer; empty:
  // there is none.
  std::string continued;

  static const schema::Schema& Fields();
};

// `seed_model` of a recipe: the model from which all paths begin. It has their shape.
struct RecipeSeedModel {
  int64_t slots = 1;
  Device device = Device::kCpu;
  // What becomes of its optimizer's state when the paths begin.
  GroupMoments moments = GroupMoments::kCarry;

  static const schema::Schema& Fields();
};

// How a composite begins: as its fields say, or in the best of several ways.
enum class CompositeStart { kOne, kAuto };
const schema::Words& WordsOf(CompositeStart);

// `start` and `probe` of a composite, among its keys.
struct CompositeStarts {
  CompositeStart start = CompositeStart::kOne;
  // Of kAuto: the part of the joint phase's steps that each start is tried for.
  double probe = 0.01;

  static const schema::Schema& Fields();
};

// The fields of model::Connection as recipes name them: `connect` and `connect_init` in place of
// `kind` and `init`, among the keys of the composite.
const schema::Schema& RecipeConnectionFields();

}  // namespace braid::spec
