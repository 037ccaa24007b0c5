// A corpus, and what is done to it before training: `corpora`, `validation` and `tokenizer` of
// recipes, the `tokenizer` and `prepare` tasks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/chat.h"
#include "spec/data.h"

namespace braid::spec {

// What the files of a corpus are: rows of JSON, or plain text.
enum class CorpusFormat { kRows, kText };
// What becomes of a row that cannot be read: an error, or it is left out and counted.
enum class OnBadRow { kFail, kSkip };
// What becomes of documents of nothing but white space: left out, or kept, followed by the
// end-of-document token like all others.
enum class BlankDocuments { kDrop, kKeep };
// Which program wrote files of token ids: nanoGPT (16-bit numbers and nothing else), llm.c (with a
// header), Megatron (NAME.bin with NAME.idx).
enum class TokenFiles { kNanoGpt, kLlmC, kMegatron };
// What of a corpus never leaves its site (docs/security.md#bound-data): its text and the tokens of
// the documents on which paths are trained; or everything that is made of it.
enum class Bind { kPaths, kAll };
const schema::Words& WordsOf(Bind);
const schema::Words& WordsOf(CorpusFormat);
const schema::Words& WordsOf(TokenFiles);
const schema::Words& WordsOf(OnBadRow);
const schema::Words& WordsOf(BlankDocuments);

// How the documents of a corpus are read, and how many of them.
struct CorpusText {
  // Of rows: the field that holds the document; empty: "text", unless one of the next is given.
  std::string text;
  // Of rows instead: several fields, joined by `joiner`.
  std::vector<std::string> join;
  std::string joiner = "\n";
  // Of rows instead: the field that holds the token ids of the document.
  std::string input_ids;
  // Of rows instead: their messages become a document by a template.
  std::optional<Chat> chat;
  // Instead of rows and text: files of token ids.
  std::optional<TokenFiles> token_files;
  // Absent: recognised from the content of each file.
  std::optional<CorpusFormat> format;
  // Of plain text: a line equal to this ends a document; empty: a file is one document.
  std::string separator;
  OnBadRow on_bad_row = OnBadRow::kFail;
  // Of rows that are left out: their largest share of all rows, above 0 and below 1; absent: any.
  std::optional<double> max_bad_share;
  BlankDocuments blank_documents = BlankDocuments::kDrop;
  // The share of the documents that is taken, above 0 and at most 1, drawn by the seed.
  double sample = 1.0;
  // Caps, which count after sampling: reading ends when one of them is reached; 0: none.
  int64_t documents = 0;
  int64_t bytes = 0;
  int64_t tokens = 0;

  // Whether the documents are token ids instead of text; and whether fields are named, which only
  // rows have.
  bool has_ids() const { return !input_ids.empty() || token_files.has_value(); }
  bool names_fields() const {
    return !text.empty() || !join.empty() || !input_ids.empty() || chat.has_value();
  }

  static const schema::Schema& Fields();
};

// A corpus as tasks have it (CORPUS in docs/tasks.md).
struct Corpus : CorpusText {
  std::string name;
  // Patterns of files that are read in place; empty: the files of the input are read.
  std::vector<std::string> files;

  static const schema::Schema& Fields();
};

// One of `corpora` of a recipe, under its name.
struct RecipeCorpus : CorpusText {
  // Patterns, relative to the recipe's folder, and names of files that are fetched
  // (base/remote_name.h).
  std::vector<std::string> files;
  // Patterns of files that are held out whole; empty: a share of the documents is held out.
  std::vector<std::string> validation;
  // The site where the files are read in place, or fetched; empty: they are uploaded, or fetched
  // anywhere.
  std::string site;
  // What of it never leaves that site; absent: the files alone, which are not uploaded.
  std::optional<Bind> bind;

  static const schema::Schema& Fields();
};

// `validation` of a recipe.
struct RecipeValidation {
  // The share of the documents of each corpus that is held out.
  double documents = 0.01;

  static const schema::Schema& Fields();
};

// `validation` of a `prepare` task: exactly one of a share of the documents, and files of their
// own.
struct Validation {
  std::optional<double> documents;
  // Patterns of files that are read in place; empty: all files of input `validation`.
  std::optional<std::vector<std::string>> files;

  static const schema::Schema& Fields();
};

// Which documents of a corpus may leave the site to which the others are bound: those that are set
// aside, and those of the joint phase.
struct SharedPart {
  // By document: the parts are then the same in all epochs.
  Split split;
  // Of the split, as in the trainings' Data.
  uint64_t seed = 42;

  static const schema::Schema& Fields();
};

// The spec of a `prepare` task: a corpus becomes shards of tokens.
struct PrepareTask {
  Corpus corpus;
  Validation validation;
  uint64_t seed = 42;
  // Absent: there is one output, with all documents.
  std::optional<SharedPart> shared;

  static const schema::Schema& Fields();
};

// How a tokenizer is trained.
struct TokenizerTraining {
  // Entries of the vocabulary; models have one more row, the pad.
  int64_t vocab = 4096;
  // Bytes of text that it is trained on, at most.
  int64_t bytes = 10'000'000;

  static const schema::Schema& Fields();
};

// `tokenizer.train` of a recipe.
struct RecipeTokenizerTraining : TokenizerTraining {
  // Names of the corpora whose text is read; empty: all.
  std::vector<std::string> corpora;

  static const schema::Schema& Fields();
};

// `tokenizer` of a recipe: exactly one of `file` and `train`.
struct RecipeTokenizer {
  // A tokenizer.json.
  std::string file;
  // The entries of that file, where sizes are to be planned without it.
  std::optional<int64_t> vocab;
  std::optional<RecipeTokenizerTraining> train;
  // The added token of that file that ends a document; empty: <|endoftext|>.
  std::string end_of_text;

  static const schema::Schema& Fields();
};

// `train` of a `tokenizer` task.
struct TaskTokenizerTraining : TokenizerTraining {
  uint64_t seed = 42;
  std::vector<Corpus> corpora;

  static const schema::Schema& Fields();
};

// `adopt` of a `tokenizer` task: the name of a file of input `file`.
struct AdoptedTokenizer {
  std::string file = "tokenizer.json";
  // The added token that ends a document; empty: the one that the file marks, or <|endoftext|>.
  std::string end_of_text;

  static const schema::Schema& Fields();
};

// The spec of a `tokenizer` task: exactly one of the two.
struct TokenizerTask {
  std::optional<AdoptedTokenizer> adopt;
  std::optional<TaskTokenizerTraining> train;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
