// The settings of the evaluation `blimp`: how often a model finds the grammatical sentence of a
// pair likelier than the ungrammatical one.
#pragma once

#include <cstdint>
#include <string>

#include "schema/schema.h"

namespace braid::spec {

// `blimp` of an `evaluate` task, whose input `blimp` holds the files.
struct BlimpSettings {
  // The first so many pairs of each paradigm; 0: all.
  int64_t pairs = 0;

  static const schema::Schema& Fields();
};

// `blimp` of a recipe.
struct RecipeBlimp : BlimpSettings {
  // The folder with the files, relative to the recipe's.
  std::string dir;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
