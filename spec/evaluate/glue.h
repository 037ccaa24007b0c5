// `glue` of an evaluation: GLUE and SuperGLUE by fine-tuning of low-rank adapters
// (docs/papers/papaformer.md#s8.2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

// How MNLI's two validation sets make one score: the mean of both, or the matched set alone.
enum class MnliScore { kMean, kMatched };
const schema::Words& WordsOf(MnliScore);

// Names of the tasks of each suite, in their order. `copa` is in no mean of a suite and is measured
// only where it is named.
const schema::Words& GlueTaskNames();
const schema::Words& SuperGlueTaskNames();
// The eleven that count in the means.
schema::Words CountedGlueTasks();

// How a task is trained. The defaults are the paper's.
struct FineTuning {
  // A training ends after so many epochs, or earlier after `patience` epochs in a row without a
  // lower validation loss.
  int64_t epochs = 32;
  int64_t patience = 5;
  // Examples of a step.
  int64_t batch = 64;
  double lr = 3e-4;
  double weight_decay = 0.1;
  // The share of the steps in which the rate rises.
  double warmup = 0.06;
  // Tokens of an example, at most.
  int64_t length = 128;
  // The adapters: their rank; they are added times alpha / rank, with dropout before them.
  int64_t rank = 8;
  double alpha = 16;
  double dropout = 0.1;
  // A training with each; empty: those that the paper has for each task.
  std::vector<uint64_t> seeds;
  MnliScore mnli = MnliScore::kMean;
  // Examples of each file, at most; 0: all.
  int64_t documents = 0;
  // The adapters of every training are kept as an output.
  bool adapters = false;

  static const schema::Schema& Fields();
};

// `glue` of an `evaluate` task: the tasks of both suites together.
struct GlueSettings : FineTuning {
  // Empty: CountedGlueTasks().
  std::vector<std::string> tasks;

  static const schema::Schema& Fields();
};

// `glue` of a recipe.
struct RecipeGlue : FineTuning {
  // The folder with the tasks' files, relative to the recipe's.
  std::string dir;
  // Names of tasks of this suite; empty: those that count in its mean.
  std::vector<std::string> tasks;
  // Composites are measured before their joint training, too.
  bool start = false;

  static const schema::Schema& Fields();
};

// `superglue` of a recipe, which differs in its tasks.
struct RecipeSuperGlue : RecipeGlue {
  static const schema::Schema& Fields();
};

}  // namespace braid::spec
