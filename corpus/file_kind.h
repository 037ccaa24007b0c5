// Whether a file of a corpus holds rows (a JSON object a line) or plain text.
#pragma once

#include <vector>

#include "base/status.h"
#include "corpus/corpus.h"

namespace braid::corpus {

enum class FileKind {
  kRows,
  kText,
  kBlank,  // white space at most
};

// By content, in the order of `files`; a name that ends with .jsonl, .ndjson, .jsonlines or .json
// (in any case, also packed) stands for rows, and so does a field that the spec names; `format`
// decides for all. Nothing is guessed in silence: kInvalidArgument, with the file and what to do,
// for a file without rows in a corpus that names fields, for rows in a corpus that names none and
// under a name that says nothing, for a list or an object over several lines, and for a key of the
// spec that no file has a use for.
Result<std::vector<FileKind>> KindsOf(const CorpusSpec& spec, const std::vector<CorpusFile>& files);

}  // namespace braid::corpus
