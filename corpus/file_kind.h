// The decision whether a file of a corpus holds rows (one JSON object on each line) or plain text.
#pragma once

#include <vector>

#include "base/status.h"
#include "corpus/corpus.h"

namespace braid::corpus {

// What a file holds.
enum class FileKind {
  kRows,
  // A table of columns (table.h).
  kTable,
  // Parquet or Arrow (columnar.h).
  kColumnar,
  // A tar archive (samples.h).
  kTar,
  kText,
  // Nothing but white space.
  kBlank,
};

// The kind of each file, by its content. A name that ends with .jsonl, .ndjson, .jsonlines or .json
// (in any case, also before .gz or .zst) means rows, and so does a field that the spec names; under
// a name that ends with .csv, .tsv or .tab that is a column, unless the first line is a row.
// `format` in the spec overrides both. Parquet, Arrow and tar archives are what they are.
//
// Doubtful cases are errors (kInvalidArgument) that name the file and say what to do: no rows in a
// corpus that names fields; rows in a corpus without fields, under a name that does not say so; a
// list or an object that spans several lines; and a setting of the spec that has an effect on none
// of the files.
Result<std::vector<FileKind>> KindsOf(const CorpusSpec& spec, const std::vector<CorpusFile>& files);

}  // namespace braid::corpus
