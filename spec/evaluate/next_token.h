// `next_token` of an evaluation: loss, bits per byte and accuracy of the next token on given text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/corpus.h"

namespace braid::spec {

// Of a task; every file of its input `next_token` is measured.
struct NextTokenSettings {
  int64_t window = 0;     // tokens of a pass; 0: as many as the evaluation reads at once
  int64_t stride = 0;     // targets that a further window scores, at most; 0: half of the window
  int64_t documents = 0;  // of each file; 0: all
  std::string text;       // of rows: the field that holds the document
  std::string separator;  // of plain text: the line that ends a document
  std::optional<CorpusFormat> format;

  static const schema::Schema& Fields();
};

struct RecipeNextToken : NextTokenSettings {
  std::vector<std::string> files;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
