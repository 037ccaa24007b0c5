// A corpus as a recipe names it: which files, which fields, how much of it (docs/recipe.md, `corpora`).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace braid::corpus {

struct CorpusSpec {
  std::string name;
  std::vector<std::string> files;  // globs, if the corpus is read in place
  std::string text;                // field of jsonl rows; "text" if neither this nor `join` is given
  std::vector<std::string> join;   // several fields, joined
  std::string joiner = "\n";
  std::string input_ids;           // instead of text: field of jsonl rows that holds the ids of a document, as published
  std::string separator;           // plain text files are cut at lines equal to this
  double sample = 1.0;             // share of the documents that is taken
  int64_t documents = 0;           // caps, 0 = none; they count after sampling
  int64_t bytes = 0;
  int64_t tokens = 0;
};

Json ToJson(const CorpusSpec& spec);
Result<CorpusSpec> CorpusFromJson(const Json& json, const std::string& path);

// The files of a corpus: all of `folder` if it is not empty, else the globs. Sorted by path; none is kNotFound.
Result<std::vector<std::string>> CorpusFiles(const CorpusSpec& spec, const std::string& folder);

struct Document {
  std::string text;
  std::vector<int32_t> ids;  // instead of text, if the corpus has `input_ids`
  uint64_t index = 0;        // number among all documents of the corpus, before sampling

  size_t bytes() const { return text.size() + ids.size() * sizeof(int32_t); }
};

// Reads documents in order: *.jsonl (or .ndjson, .json) row by row, other files as plain text; gzip and zstd by content.
// `sample` is drawn by (seed, name, index) and the caps on documents and bytes are applied. Errors name file and line.
// `use` may return kCancelled to end the reading early, which is then no error. Of an import by `input_ids`, ids must be
// below `id_limit`. Memory holds one row, or one document of plain text: above 256 MiB either is refused.
Status ReadDocuments(const CorpusSpec& spec, const std::vector<std::string>& files, uint64_t seed,
                     const std::function<Status(Document)>& use, int64_t id_limit = 0);

// Reads the first document of each file: what is wrong with fields and files is known before jobs are. Ids of an import are not held
// against a tokenizer.
Status CheckCorpus(CorpusSpec spec, const std::vector<std::string>& files);

}  // namespace braid::corpus
