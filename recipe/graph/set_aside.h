// Whether the text that corpora set aside is enough to validate on, as far as sizes of files tell:
// a training that has not one sequence of it ends before its first step, and that is after the
// corpora were prepared.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "recipe/graph/dag.h"
#include "recipe/graph/text_size.h"
#include "recipe/recipe.h"

namespace braid::recipe {

struct ShortText {
  std::string corpus;
  int line = 0;          // of the recipe
  bool certain = false;  // no text of that size has enough tokens; otherwise it is likely
  std::string message;   // names corpus, tokens, sequence, and what to do
};

// The corpora whose text set aside is less than one sequence, of those that a job of `dag` reads.
// `sizes` has the sources `source.<corpus>` and `validation.<corpus>` of which sizes are known.
std::vector<ShortText> FindShortText(const Recipe& recipe, const Dag& dag,
                                     const std::map<std::string, TextSize>& sizes);

}  // namespace braid::recipe
