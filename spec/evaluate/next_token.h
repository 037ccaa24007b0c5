// `next_token` of an evaluation: loss, bits per byte and accuracy of the next token on given text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/corpus.h"

namespace braid::spec {

// `next_token` of an `evaluate` task, which measures every file of its input `next_token`.
struct NextTokenSettings {
  // Tokens of a pass of the model; 0: EvaluateTask::sequence.
  int64_t window = 0;
  // A document that is longer than the window is read by several, each of which scores at most so
  // many further targets; 0: half of the window.
  int64_t stride = 0;
  // The first so many documents of each file; 0: all.
  int64_t documents = 0;
  // How documents are found in the files, as in CorpusText.
  std::string text;
  std::string separator;
  std::optional<CorpusFormat> format;

  static const schema::Schema& Fields();
};

// `next_token` of a recipe.
struct RecipeNextToken : NextTokenSettings {
  // Patterns, relative to the recipe's folder.
  std::vector<std::string> files;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
