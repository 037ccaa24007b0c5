// Checks, by the sizes of files, whether the held-out text of the corpora is long enough to
// validate on. Without this check, a training with less than one held-out sequence would fail only
// after its corpora have been prepared.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "recipe/graph/dag.h"
#include "recipe/graph/text_size.h"
#include "recipe/recipe.h"

namespace braid::recipe {

// A corpus with too little held-out text.
struct ShortText {
  std::string corpus;
  // Line of the recipe.
  int line = 0;
  // True if no text of this size can have enough tokens; false if it probably has too few.
  bool certain = false;
  // Names corpus, tokens, sequence length and what to do.
  std::string message;
};

// The corpora with less than one sequence of held-out text, among those that a job of `dag` reads.
// `sizes` has the sources `source.<corpus>` and `validation.<corpus>` of which sizes are known;
// others are not checked.
std::vector<ShortText> FindShortText(const Recipe& recipe, const Dag& dag,
                                     const std::map<std::string, TextSize>& sizes);

}  // namespace braid::recipe
