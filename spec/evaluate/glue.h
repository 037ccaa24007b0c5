// `glue` of an evaluation: GLUE and SuperGLUE by fine-tuning of low-rank adapters
// (docs/papers/papaformer.md#s8.2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

// Of MNLI's two validation sets: the mean of both scores, or the matched set alone.
enum class MnliScore { kMean, kMatched };
const schema::Words& WordsOf(MnliScore);

// Names of the tasks of each suite, in their order. `copa` is in no mean of a suite and is measured
// only where it is named.
const schema::Words& GlueTaskNames();
const schema::Words& SuperGlueTaskNames();
// The eleven that count.
schema::Words UsualGlueTasks();

// How a task is trained. The defaults are the paper's.
struct FineTuning {
  int64_t epochs = 32;   // at most
  int64_t patience = 5;  // epochs in a row without a lower validation loss
  int64_t batch = 64;
  double lr = 3e-4;
  double weight_decay = 0.1;
  double warmup = 0.06;  // share of the steps
  int64_t length = 128;  // tokens
  int64_t rank = 8;
  double alpha = 16;
  double dropout = 0.1;
  std::vector<uint64_t> seeds;  // empty: those of each task
  MnliScore mnli = MnliScore::kMean;
  int64_t documents = 0;  // cap of examples of each file; 0: all
  bool adapters = false;  // keep the adapters of every training

  static const schema::Schema& Fields();
};

// Of a task: both suites together.
struct GlueSettings : FineTuning {
  std::vector<std::string> tasks;  // empty: UsualGlueTasks()

  static const schema::Schema& Fields();
};

// `glue` of a recipe.
struct RecipeGlue : FineTuning {
  std::string dir;
  std::vector<std::string> tasks;  // of this suite; empty: those that count
  bool start = false;              // of composites before joint training too

  static const schema::Schema& Fields();
};

// `superglue` of a recipe, which differs in its tasks.
struct RecipeSuperGlue : RecipeGlue {
  static const schema::Schema& Fields();
};

}  // namespace braid::spec
