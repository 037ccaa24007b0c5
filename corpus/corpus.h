// A corpus as a recipe names it: which files, which fields, how much of it (spec/corpus.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "spec/corpus.h"

namespace braid::corpus {

struct CorpusSpec : spec::Corpus {
  bool part = false;  // the files are some of the corpus: keys that they have no use for may have
                      // one elsewhere. Not in JSON
};

// As `shards.json` has it: caps and files always.
Json ToJson(const CorpusSpec& spec);
Result<CorpusSpec> CorpusFromJson(const Json& json, const std::string& path);

// A file, and what the user calls it: that name stands in messages.
struct CorpusFile {
  // Implicit, so that a path alone is a file.
  // NOLINTNEXTLINE(google-explicit-constructor)
  CorpusFile(std::string path_) : path(path_), name(std::move(path_)) {}
  CorpusFile(std::string path_, std::string name_)
      : path(std::move(path_)), name(std::move(name_)) {}

  std::string path;
  std::string name;
};

// The files of a corpus: all of `folder` if it is not empty, else the globs. Sorted by path; none
// is kNotFound, a link that leads nowhere an error that names it. Names are those in the metadata
// of <folder>.manifest.json (docs/formats.md), which a worker lays beside the folder of an input;
// without it the paths.
Result<std::vector<CorpusFile>> CorpusFiles(const CorpusSpec& spec, const std::string& folder);
// Where they are read from.
std::vector<std::string> PathsOf(const std::vector<CorpusFile>& files);

struct Document {
  std::string text;
  std::vector<int32_t> ids;  // instead of text, if the corpus has `input_ids`
  uint64_t index = 0;        // number among all documents of the corpus, before sampling

  size_t bytes() const { return text.size() + ids.size() * sizeof(int32_t); }
};

// What was read and is in no document.
struct LeftOut {
  int64_t blank_documents = 0;              // white space at most
  int64_t bad_rows = 0;                     // of `on_bad_row: skip`
  std::vector<std::string> first_bad_rows;  // what is wrong with the first few, with place and
                                            // reason
};

// Reads documents in order: files whose lines are JSON objects row by row, others as plain text
// (corpus/file_kind.h), gzip and zstd by content. `sample` is drawn by (seed, name, index) and the
// caps on documents and bytes are applied. Errors name file, line and column. `use` may return
// kCancelled to end the reading early, which is then no error. Of an import by `input_ids`, ids
// must be below `id_limit`. Memory holds one row, or one document of plain text: above 256 MiB
// either is refused. What is left out is added to `left_out`, if given.
Status ReadDocuments(const CorpusSpec& spec, const std::vector<CorpusFile>& files, uint64_t seed,
                     const std::function<Status(Document)>& use, int64_t id_limit = 0,
                     LeftOut* left_out = nullptr);

// Reads the first document of each file: what is wrong with fields and files is known before jobs
// are, and all of it: an error for each file that has one, with its name, then those of the corpus
// as a whole. None: the corpus can be read. Ids of an import are not held against a tokenizer.
std::vector<Status> CheckCorpus(CorpusSpec spec, const std::vector<CorpusFile>& files);

// Bytes of the file for each of its documents, on average over its beginning; 0 if that cannot be
// told.
double DocumentBytes(CorpusSpec spec, const CorpusFile& file);

}  // namespace braid::corpus
