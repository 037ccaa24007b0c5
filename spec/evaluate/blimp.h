// `blimp` of an evaluation: how often the grammatical sentence of a pair is the likelier one.
#pragma once

#include <cstdint>
#include <string>

#include "schema/schema.h"

namespace braid::spec {

// Of a task; its input `blimp` has the files.
struct BlimpSettings {
  int64_t pairs = 0;  // of each paradigm; 0: all

  static const schema::Schema& Fields();
};

struct RecipeBlimp : BlimpSettings {
  std::string dir;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
