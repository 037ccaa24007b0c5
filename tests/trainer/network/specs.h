// Small models of every kind, for tests of what must hold whatever a network computes.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/spec.h"
#include "tests/word.h"

namespace braid::trainer {

inline constexpr int64_t kVocab = 61, kBatch = 3, kSequence = 20;

inline model::ModelSpec Dense() {
  model::ModelSpec spec;
  spec.name = "m";
  spec.vocab = kVocab;
  spec.pad_id = kVocab - 1;
  spec.sequence = kSequence;
  spec.dense = {"m", 24, 2, 2, 40};
  return spec;
}

inline model::ModelSpec Composite() {
  model::ModelSpec spec = Dense();
  spec.kind = model::Kind::kComposite;
  spec.dense = {};
  spec.paths = {{"a", 12, 2, 2, 20}, {"b", 12, 2, 2, 20}, {"c", 12, 2, 2, 20}};
  spec.large = {"large", 36, 2, 2, 72};
  return spec;
}

// Every field of the published block.
inline model::ModelSpec Paper() {
  model::ModelSpec spec = Composite();
  spec.arch = model::PaperArch();
  return spec;
}

inline model::Stack DualStack(const char* name, int64_t d, const char* block, const char* gate,
                              const char* mix) {
  model::Stack stack{name, d, 2, 2, 0, Word(block)};
  if (stack.has_deep()) stack.dual.loops = 3;
  if (stack.has_deep()) stack.dual.ffn_deep = 10;
  if (stack.has_wide()) stack.dual.ffn_wide = 30;
  stack.dual.gate = Word(gate);
  stack.dual.mix = Word(mix);
  stack.dual.scale_init = 0;
  return stack;
}

inline model::ModelSpec DualDense() {
  model::ModelSpec spec = Dense();
  spec.dense = DualStack("m", 24, "dual_path", "two_gates", "act");
  spec.dense.dual.skip_last_router = true;
  spec.dense.dual.qk_norm = true;
  return spec;
}

// Paths of unequal width, depth and block; a soft router, so that the loss has a derivative
// everywhere.
inline model::ModelSpec Unequal() {
  model::ModelSpec spec = Composite();
  spec.paths = {{"a", 16, 2, 1, 20},
                DualStack("b", 8, "dual_path", "convex", "uniform"),
                DualStack("c", 12, "loop", "two_gates", "final")};
  spec.paths[1].dual.cross = true;
  spec.paths[1].dual.residual = Word("preserved");
  spec.connection = {Word("routed"), {Word("softmax"), Word("x"), 0.7, false}, true, true};
  return spec;
}

inline model::ModelSpec Slice() {
  model::ModelSpec spec = Composite();
  spec.paths = {
      {"a", 16, 2, 1, 20}, DualStack("b", 8, "wide", "two_gates", "act"), {"c", 12, 2, 2, 20}};
  spec.connection = {.kind = Word("slice"), .cross = true, .weights = {0.5, 0.2, 0.3}};
  return spec;
}

// Of three equal paths, so that they run as one product.
inline model::ModelSpec SliceOfRank() {
  model::ModelSpec spec = Composite();
  spec.connection = {.kind = Word("slice"), .cross = true, .cross_rank = 3};
  spec.large.blocks = 1;
  return spec;
}

// Without large blocks.
inline model::ModelSpec Bare() {
  model::ModelSpec spec = Composite();
  spec.large.blocks = 0;
  return spec;
}

// All of them, in the order of KindName's names.
inline std::vector<model::ModelSpec> EveryKind() {
  return {Dense(), Composite(), Paper(), DualDense(), Unequal(), Slice(), SliceOfRank(), Bare()};
}

inline std::string KindName(const ::testing::TestParamInfo<model::ModelSpec>& one) {
  return std::vector<std::string>{"Dense",   "Share", "Paper",       "DualPath",
                                  "Unequal", "Slice", "SliceOfRank", "Bare"}[one.index];
}

}  // namespace braid::trainer
