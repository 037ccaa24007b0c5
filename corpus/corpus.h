// Reading a corpus as a recipe describes it: its files, the fields of its rows, and samples and
// caps (spec/corpus.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/file_names.h"
#include "corpus/left_out.h"
#include "spec/corpus.h"

namespace braid::corpus {

// The description of a corpus.
struct CorpusSpec : spec::Corpus {
  // The files are only a part of the corpus, so that a setting without effect on them may have one
  // on others, and is not an error. Not in JSON.
  bool part = false;
};

// The form in shards.json, which has the caps and the files always; and its inverse. `path` names
// the JSON in errors.
Json ToJson(const CorpusSpec& spec);
Result<CorpusSpec> CorpusFromJson(const Json& json, const std::string& path);

// The files of a corpus, sorted by path: all files of `folder`, but for a list of files that are
// elsewhere, or, if that is empty, those that match the patterns of the spec. kNotFound if there
// are none; a link without a target is an error that names it. Names are those that users know
// (file_names.h).
Result<std::vector<CorpusFile>> CorpusFiles(const CorpusSpec& spec, const std::string& folder);
// The paths of the files.
std::vector<std::string> PathsOf(const std::vector<CorpusFile>& files);

// The bytes [begin, end) of a text.
struct TextSpan {
  size_t begin = 0;
  size_t end = 0;
};

// One document, as text or as token ids.
struct Document {
  std::string text;
  // Of a chat: what the template wrote of the text, in its order. Only there are special tokens
  // looked for (encoder of ChatTokens, chat_tokens.h).
  std::optional<std::vector<TextSpan>> markup;
  // Instead of text, if the corpus has `input_ids` or `token_files`.
  std::vector<int32_t> ids;
  // The number of the document among all documents of the corpus, before sampling.
  uint64_t index = 0;

  // The size in memory.
  size_t bytes() const { return text.size() + ids.size() * sizeof(int32_t); }
};

// The ids that a corpus of ids may have.
struct TokenIds {
  int64_t entries = 0;      // of the tokenizer: ids are below
  int32_t end_of_text = 0;  // the one that ends a document
};

// Reads documents in their order and passes each to `use`. Files of JSON objects, one a line, are
// read row by row, files of ids as token_files.h says, Parquet and Arrow as columnar.h says, tar
// archives as samples.h says, others as plain text (file_kind.h); gzip and zstd are recognised. A
// document is in the sample if the random number of (seed, corpus name, index) says so; then the
// caps on documents and bytes apply. Errors name file, line and column. If `use` returns
// kCancelled, reading ends without an error; any other error is returned.
//
// With `input_ids` and `token_files`, documents have the ids `ids`. Memory holds one row, or one
// document of plain text; one above 256 MiB is an error. What is left out is added to `left_out`,
// unless that is null; whether that is too much is for the caller to ask (CheckBadRows).
Status ReadDocuments(const CorpusSpec& spec, const std::vector<CorpusFile>& files, uint64_t seed,
                     const std::function<Status(Document)>& use, const TokenIds& ids = {},
                     LeftOut* left_out = nullptr);

// Reads the first document of each file, so that wrong fields and files are found before any job
// runs. Returns all errors: one for each wrong file, then those about the corpus as a whole; empty
// if the corpus can be read. Ids of an import are not compared with a tokenizer.
std::vector<Status> CheckCorpus(CorpusSpec spec, const std::vector<CorpusFile>& files);

// The average number of bytes of a document, from the beginning of the file; 0 if that cannot be
// found out.
double DocumentBytes(CorpusSpec spec, const CorpusFile& file);

}  // namespace braid::corpus
