// What a corpus has and no document does: blank documents, and rows that could not be read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "spec/corpus.h"

namespace braid::corpus {

// What was read and did not become part of a document.
struct LeftOut {
  // Documents of nothing but white space.
  int64_t blank_documents = 0;
  // All rows that were read, those of `bad_rows` too.
  int64_t rows = 0;
  // Rows that could not be read, if `on_bad_row` is `skip`.
  int64_t bad_rows = 0;
  // The errors of the first few of these rows.
  std::vector<std::string> first_bad_rows;
};

// The error of a corpus of which more rows were left out than its `max_bad_share` allows, with the
// first of them. Asked when all has been read, as the share of a beginning says little of the
// whole.
Status CheckBadRows(const spec::Corpus& spec, const LeftOut& left_out);

}  // namespace braid::corpus
