// The `merge`, `gate` and `export` tasks, and `export` of a recipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/card.h"

namespace braid::spec {

// The spec of a `merge` task: parents become a composite.
struct MergeTask {
  // The composite, a model::ModelSpec as JSON. Fields that the tokenizer decides may be missing.
  Json model;
  // Of new tensors.
  uint64_t seed = 42;
  // The names of the parents, whose checkpoints are inputs `parent.<name>`.
  std::vector<std::string> parents;
  // The optimizer states of the parents are merged, too.
  bool carry_optimizer = false;
  // Input `base` has a composite, some of whose paths are kept. Parents are then matched with paths
  // by name instead of by position.
  bool base = false;

  static const schema::Schema& Fields();
};

// The spec of a `gate` task: checks, on held-out sequences, that the composite computes what its
// parents compute.
struct GateTask {
  // As in MergeTask.
  std::vector<std::string> parents;
  bool base = false;
  // The number of sequences of each corpus, and the tokens of one.
  int64_t sequences = 8;
  int64_t sequence = 256;

  static const schema::Schema& Fields();
};

// The formats of other libraries in which models can be exported.
enum class ExportFormat { kHuggingFace };
const schema::Words& WordsOf(ExportFormat);

// The element type of exported weights.
enum class ExportDtype { kF32, kBf16 };
const schema::Words& WordsOf(ExportDtype);

// The spec of an `export` task.
struct ExportTask {
  // Of the model, for its card.
  std::string name;
  ExportFormat format = ExportFormat::kHuggingFace;
  ExportDtype dtype = ExportDtype::kF32;
  // Absent: the card has only what can be read from the model itself.
  std::optional<ModelCard> card;

  static const schema::Schema& Fields();
};

// `export` of a recipe, where it is a mapping.
struct RecipeExport {
  ExportFormat format = ExportFormat::kHuggingFace;
  ExportDtype dtype = ExportDtype::kF32;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
