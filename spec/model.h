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

enum class FfnRule { kExact, kPaper };
const schema::Words& WordsOf(FfnRule);

// `dual` of a recipe: the knobs of model::Dual, whose hidden widths may be given in two more ways.
struct RecipeDual : model::Dual {
  FfnRule ffn_rule = FfnRule::kExact;
  int64_t multiple = 256;
  std::optional<int64_t> d_ffn_deep;
  std::optional<int64_t> d_ffn_wide;
  std::optional<double> budget;
  double alpha = 0.5;
  model::FlopMatch flop_match = model::FlopMatch::kProjections;
  std::optional<int64_t> against;

  static const schema::Schema& Fields();
};

// Blocks of one kind and width, as recipes write them.
struct RecipeBlocks {
  const model::BlockKind* block = &model::kLlamaBlock;
  std::optional<int64_t> ffn;
  std::optional<RecipeDual> dual;

  static const schema::Schema& Fields();
};

struct RecipeStack : RecipeBlocks {
  int64_t d = 64;
  int64_t heads = 1;
  int64_t blocks = 1;

  static const schema::Schema& Fields();
};

// The shape of a path that has no job of its own.
struct RecipeShape : RecipeStack {
  std::string name;
  std::string corpus;  // of one that stays in a base

  static const schema::Schema& Fields();
};

// What paths and baselines have in common.
struct RecipeTraining {
  int64_t slots = 1;
  Device device = Device::kCpu;
  std::string start;  // weights that its training begins with; empty: drawn from the seed
  StartMoments start_moments = StartMoments::kAuto;

  static const schema::Schema& Fields();
};

// The fields of model::Connection as recipes name them: `connect` and `connect_init` in place of
// `kind` and `init`, among the keys of the composite.
const schema::Schema& RecipeConnectionFields();

}  // namespace braid::spec
