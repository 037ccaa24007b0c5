// `blimp` of an evaluation: how often the grammatical sentence of a pair is the likelier one.
#pragma once

#include <cstdint>
#include <string>

#include "schema/schema.h"

namespace braid::spec {

// Of a task; its input `blimp` has the files.
struct BlimpSettings {
  // The first so many pairs of each paradigm; 0: all.
  int64_t pairs = 0;

  static const schema::Schema& Fields();
};

// Of a recipe.
struct RecipeBlimp : BlimpSettings {
  // The folder with the files, relative to the recipe's.
  std::string dir;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
