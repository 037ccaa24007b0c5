// Properties of a user's text files, read from the beginning of the files, for a first recipe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::submit {

// One corpus to be, and what is known of its files.
struct TextFacts {
  std::string name;
  std::vector<std::string> paths;
  // Rows of JSON, one a line; otherwise plain text.
  bool rows = false;
  // Of rows: the field or fields that hold the document, or the one with its token ids, or with its
  // messages.
  std::vector<std::string> fields;
  std::string input_ids;
  std::string messages;
  // Of plain text: the line that ends a document; empty: a file is one document.
  std::string separator;
  // The size on disk, and the size of the text in bytes, which is estimated for compressed files
  // and for rows.
  int64_t bytes = 0;
  double text_bytes = 0;
  // Estimated from what was seen at the beginning of the files.
  int64_t documents = 0;
  // The first words of the first document, a prompt to be.
  std::string words;
};

// Fills in the rest of what is known, from the beginning of each corpus's first files.
// kInvalidArgument names a file that is no text, or whose rows hold none, and says what to do.
Status LookAtText(TextFacts* facts);

// Cuts the text of a corpus of plain text into rows, {"text": "..."}, at ends of paragraphs, and
// writes them to the new file `path`; how many. They have about 2,000 bytes, and less of little
// text, so that there are some hundred. kAlreadyExists if the file is there; kInvalidArgument for
// text that is not UTF-8, or less than two passages.
Result<int64_t> WritePassages(const TextFacts& facts, const std::string& path);

}  // namespace braid::submit
