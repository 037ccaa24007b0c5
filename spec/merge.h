// The `merge`, `gate` and `export` tasks, and `export` of a recipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/card.h"

namespace braid::spec {

// `merge`: parents become a composite.
struct MergeTask {
  Json model;
  uint64_t seed = 42;
  std::vector<std::string> parents;
  bool carry_optimizer = false;
  bool base = false;  // the composite has paths from a base, too; parents go by the names of theirs

  static const schema::Schema& Fields();
};

// The job kind `gate`: proves that a composite holds its parents.
struct VerifyTask {
  std::vector<std::string> parents;
  bool base = false;
  int64_t sequences = 8;
  int64_t sequence = 256;

  static const schema::Schema& Fields();
};

enum class ExportFormat { kHuggingFace };
const schema::Words& WordsOf(ExportFormat);

struct ExportTask {
  std::string name;
  ExportFormat format = ExportFormat::kHuggingFace;
  std::optional<ModelCard> card;

  static const schema::Schema& Fields();
};

// `export` of a recipe, where it is a mapping.
struct RecipeExport {
  ExportFormat format = ExportFormat::kHuggingFace;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
