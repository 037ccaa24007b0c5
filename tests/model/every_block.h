// Small models of every registered block.
#pragma once

#include "model/block.h"
#include "model/spec.h"

namespace braid::model {

inline const std::vector<const BlockKind*>& EveryBlock() {
  return Registered(static_cast<const BlockKind*>(nullptr));
}

// A dense model of two such blocks with all that the block can have, as far as its traits tell.
inline ModelSpec ModelOf(const BlockKind& block) {
  ModelSpec spec;
  spec.name = block.name;
  spec.vocab = 11;
  spec.pad_id = 10;
  spec.sequence = 8;
  spec.dense = {.name = block.name, .d = 8, .heads = 2, .blocks = 2, .block = &block};
  Dual& dual = spec.dense.dual;
  if (!block.has_dual()) spec.dense.ffn = 12;
  if (block.has_deep) dual.loops = 2, dual.ffn_deep = 10;
  if (block.has_wide) dual.ffn_wide = 14;
  dual.qk_norm = block.HasSetting("qk_norm");
  dual.cross = block.HasSetting("cross");
  return spec;
}

}  // namespace braid::model
