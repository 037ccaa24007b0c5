// A corpus, and what is done to it before training: `corpora`, `validation` and `tokenizer` of
// recipes, the `tokenizer` and `prepare` tasks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"

namespace braid::spec {

enum class CorpusFormat { kRows, kText };
enum class OnBadRow { kFail, kSkip };
enum class BlankDocuments { kDrop, kKeep };
const schema::Words& WordsOf(CorpusFormat);
const schema::Words& WordsOf(OnBadRow);
const schema::Words& WordsOf(BlankDocuments);

// How the documents of a corpus are read, and how many of them.
struct CorpusText {
  std::string text;               // field of rows; "text" if neither this nor `join` is given
  std::vector<std::string> join;  // several fields, joined
  std::string joiner = "\n";
  std::optional<CorpusFormat> format;  // what every file is; absent: told from its content
  std::string input_ids;               // instead of text: field of rows with a document's ids
  std::string separator;               // plain text is cut at lines equal to this
  OnBadRow on_bad_row = OnBadRow::kFail;
  BlankDocuments blank_documents = BlankDocuments::kDrop;
  double sample = 1.0;    // share of the documents that is taken
  int64_t documents = 0;  // caps, 0: none; they count after sampling
  int64_t bytes = 0;
  int64_t tokens = 0;

  // Whether fields are named, as only rows have them.
  bool names_fields() const { return !text.empty() || !join.empty() || !input_ids.empty(); }

  static const schema::Schema& Fields();
};

// CORPUS of a task.
struct Corpus : CorpusText {
  std::string name;
  std::vector<std::string> files;  // globs, if the corpus is read in place

  static const schema::Schema& Fields();
};

// One of `corpora` of a recipe, under its name.
struct RecipeCorpus : CorpusText {
  std::vector<std::string> files;       // globs as written
  std::vector<std::string> validation;  // globs of files that are set aside whole; empty: a share
                                        // of the documents is
  std::string site;                     // files are read in place there; empty: they are uploaded

  static const schema::Schema& Fields();
};

// `validation` of a recipe.
struct RecipeValidation {
  double documents = 0.01;

  static const schema::Schema& Fields();
};

// `validation` of a `prepare` task: a share of the documents, or files of their own.
struct Validation {
  std::optional<double> documents;
  std::optional<std::vector<std::string>> files;  // empty: all of input `validation`

  static const schema::Schema& Fields();
};

struct PrepareTask {
  Corpus corpus;
  Validation validation;
  uint64_t seed = 42;

  static const schema::Schema& Fields();
};

struct TokenizerTraining {
  int64_t vocab = 4096;
  int64_t bytes = 10'000'000;

  static const schema::Schema& Fields();
};

// `tokenizer.train` of a recipe.
struct RecipeTokenizerTraining : TokenizerTraining {
  std::vector<std::string> corpora;  // names; empty: all

  static const schema::Schema& Fields();
};

struct RecipeTokenizer {
  std::string file;
  std::optional<int64_t> vocab;  // entries of the file
  std::optional<RecipeTokenizerTraining> train;

  static const schema::Schema& Fields();
};

struct TaskTokenizerTraining : TokenizerTraining {
  uint64_t seed = 42;
  std::vector<Corpus> corpora;

  static const schema::Schema& Fields();
};

struct AdoptedTokenizer {
  std::string file = "tokenizer.json";

  static const schema::Schema& Fields();
};

// One of the two.
struct TokenizerTask {
  std::optional<AdoptedTokenizer> adopt;
  std::optional<TaskTokenizerTraining> train;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
