#include "spec/corpus.h"

#include "base/remote_name.h"
#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

// Shared by recipes and tasks, so that both refuse an empty list with the same words.
constexpr const char* kNoFiles = "must name at least one file or pattern";

// Reports keys that have no effect together with others: ignoring them would surprise the user who
// wrote them. Only a value that differs from the default counts as given.
void CheckText(const CorpusText& corpus, const Fail& fail) {
  const CorpusText defaults;
  const bool joins = !corpus.join.empty(), cut = !corpus.separator.empty();
  const bool skips = corpus.on_bad_row != defaults.on_bad_row;
  if (!corpus.text.empty() && joins) fail({"join"}, "text and join exclude each other");
  if (corpus.max_bad_share && !skips)
    fail({"max_bad_share"},
         "does nothing without on_bad_row: skip; the first bad row ends the job");
  if (corpus.joiner != defaults.joiner && !joins) fail({"joiner"}, "does nothing without join");
  if (corpus.format == CorpusFormat::kText) {
    for (const auto& [field, given] : {std::pair{"text", !corpus.text.empty()},
                                       {"join", joins},
                                       {"input_ids", !corpus.input_ids.empty()},
                                       {"chat", corpus.chat.has_value()},
                                       {"on_bad_row", skips}}) {
      if (given) fail({field}, "does nothing with format: text; plain text has no rows");
    }
  }
  if (corpus.format == CorpusFormat::kRows && cut)
    fail({"separator"}, "does nothing with format: rows; it cuts plain text");
  if (corpus.input_ids.empty()) return;
  for (const auto& [field, given] :
       {std::pair{"text", !corpus.text.empty()},
        {"join", joins},
        {"separator", cut},
        {"blank_documents", corpus.blank_documents != defaults.blank_documents}}) {
    if (given) fail({field}, "rows of input_ids are tokens already");
  }
  if (corpus.bytes != 0) fail({"bytes"}, "cannot cap rows of input_ids; give tokens instead");
}

// Messages say themselves what the document is.
void CheckChat(const CorpusText& corpus, const Fail& fail) {
  if (!corpus.chat) return;
  for (const auto& [field, given] : {std::pair{"text", !corpus.text.empty()},
                                     {"join", !corpus.join.empty()},
                                     {"input_ids", !corpus.input_ids.empty()}}) {
    if (given) fail({field}, "does nothing beside chat, which makes the document of messages");
  }
}

// Files of ids have no rows, no text, and one way to be read.
void CheckTokenFiles(const CorpusText& corpus, const Fail& fail) {
  if (!corpus.token_files) return;
  const CorpusText defaults;
  for (const auto& [field, given] :
       {std::pair{"text", !corpus.text.empty()},
        {"join", !corpus.join.empty()},
        {"input_ids", !corpus.input_ids.empty()},
        {"chat", corpus.chat.has_value()},
        {"format", corpus.format.has_value()},
        {"separator", !corpus.separator.empty()},
        {"on_bad_row", corpus.on_bad_row != defaults.on_bad_row},
        {"blank_documents", corpus.blank_documents != defaults.blank_documents}}) {
    if (given) fail({field}, "does nothing with token_files; they have ids and no text");
  }
  if (corpus.bytes != 0) fail({"bytes"}, "cannot cap files of ids; give tokens instead");
}

// Files that are uploaded have left wherever they were.
void CheckBind(const RecipeCorpus& corpus, const Fail& fail) {
  if (corpus.bind && corpus.site.empty())
    fail({"bind"},
         "does nothing without site: the files are uploaded; name the site that has them");
}

// Files of a site are read by a worker, whose working folder the user does not know: only absolute
// names mean the same there. What is fetched is one input of its job, what is read in place none.
void CheckSite(const RecipeCorpus& corpus, const Fail& fail) {
  if (corpus.site.empty()) return;
  const bool fetched = !corpus.files.empty() && IsRemoteName(corpus.files.front());
  for (const auto& [field, files] :
       {std::pair{"files", &corpus.files}, {"validation", &corpus.validation}}) {
    for (const std::string& file : *files) {
      if (IsRemoteName(file) != fetched)
        fail({field}, "has files of site " + corpus.site +
                          " and files that are fetched; make a corpus of each");
      else if (!fetched && !file.starts_with('/'))
        fail({field},
             file + " is read on machines of site " + corpus.site + "; give its absolute name");
    }
  }
}

// So that a name that can never be fetched is found before anything is.
void CheckRemote(const RecipeCorpus& corpus, const Fail& fail) {
  for (const auto& [field, files] :
       {std::pair{"files", &corpus.files}, {"validation", &corpus.validation}}) {
    for (const std::string& file : *files) {
      if (!IsRemoteName(file)) continue;
      if (const Status status = ParseRemoteName(file).status(); !status.ok())
        fail({field}, status.message());
    }
  }
}

}  // namespace

const schema::Words& WordsOf(Bind) {
  static const schema::Words words = {"paths", "all"};
  return words;
}
const schema::Words& WordsOf(CorpusFormat) {
  static const schema::Words words = {"rows", "text"};
  return words;
}
const schema::Words& WordsOf(TokenFiles) {
  static const schema::Words words = {"nanogpt", "llm_c", "megatron"};
  return words;
}
const schema::Words& WordsOf(OnBadRow) {
  static const schema::Words words = {"fail", "skip"};
  return words;
}
const schema::Words& WordsOf(BlankDocuments) {
  static const schema::Words words = {"drop", "keep"};
  return words;
}

const Schema& CorpusText::Fields() {
  static const Schema fields = [] {
    Builder<CorpusText> field("corpus", "How documents are read, and how many of them.");
    field(
        "text", &CorpusText::text,
        "Of rows: the field that holds the document; `text` for files whose name says rows, and "
        "for Parquet and Arrow. Of tar archives: the extension of the members that hold it, `txt`.")
        .OmitDefault();
    field("join", &CorpusText::join,
          "Of rows: fields that are joined to one document. Not together with `text`.")
        .OmitDefault();
    field("joiner", &CorpusText::joiner, "What stands between the fields of `join`.");
    field("format", &CorpusText::format,
          "What every file is, whatever it looks like; absent: told from the content of each.");
    field("input_ids", &CorpusText::input_ids,
          "Of rows that are tokens already (the published form): the field with the list of ids. A "
          "row is a document; no text, join or separator then. `tokenizer` must be the `file` that "
          "made the ids. Of sets that were cut for one epoch each give one: braid permutes and "
          "cuts its rows anew in every epoch.")
        .OmitDefault();
    field("chat", &CorpusText::chat);
    field(
        "token_files", &CorpusText::token_files,
        "The files are token ids already, as another program wrote them: `nanogpt` (16-bit ids and "
        "nothing else), `llm_c`, or `megatron` (NAME.bin with NAME.idx). A document ends at the "
        "end-of-text token; of `megatron` where the index says so. `tokenizer` must be the `file` "
        "that "
        "made the ids.");
    field("separator", &CorpusText::separator,
          "Of plain text: the line that ends a document. Without it a file is one document.")
        .OmitDefault();
    field("on_bad_row", &CorpusText::on_bad_row,
          "Of rows: one that cannot be read (no JSON, no such field, no text in it) ends the job; "
          "or `skip`: it is left out, counted in `shards.json` and in the report, and the first "
          "five are named with file, line and column (Parquet and Arrow: file and row; tar: file "
          "and sample).")
        .OmitDefault();
    field(
        "max_bad_share", &CorpusText::max_bad_share,
        "With `on_bad_row: skip`: the largest share of the rows that may be left out, `0.01` for 1 "
        "%. If it is more when the corpus has been read, the job fails with the count and the "
        "first of these rows. Absent: any share.")
        .Above(0)
        .Below(1);
    field("blank_documents", &CorpusText::blank_documents,
          "Documents of white space at most are left out and counted; or `keep`: each leaves its "
          "end-of-document token, and the white space, as in the published runs.")
        .OmitDefault();
    field("sample", &CorpusText::sample, "Share of documents that is taken, by the seed.")
        .Above(0)
        .AtMost(1);
    field("documents", &CorpusText::documents,
          "Cap on documents, counted after sampling; 0: no bound.")
        .AtLeast(0)
        .OmitDefault();
    field("bytes", &CorpusText::bytes, "Cap on bytes of text, counted after sampling; 0: no bound.")
        .AtLeast(0)
        .OmitDefault();
    field("tokens", &CorpusText::tokens, "Cap on tokens, counted after sampling; 0: no bound.")
        .AtLeast(0)
        .OmitDefault();
    field.Check(CheckText);
    field.Check(CheckChat);
    field.Check(CheckTokenFiles);
    return field.Done();
  }();
  return fields;
}

const Schema& Corpus::Fields() {
  static const Schema fields = [] {
    Builder<Corpus> field("corpus", "A corpus, as tasks read it.");
    field("name", &Corpus::name, "What it is called in the recipe.").Required();
    field("files", &Corpus::files,
          "Absolute names or patterns of the files of a corpus that is read in place.")
        .OmitDefault();
    field.Include<CorpusText>();
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeCorpus::Fields() {
  static const Schema fields = [] {
    Builder<RecipeCorpus> field("corpora", "A corpus, under its name.");
    field("files", &RecipeCorpus::files,
          "A pattern or a list of patterns; rows (a JSON object a line) or plain text, as it is or "
          "as gzip or zstd; Parquet or Arrow; tar archives of WebDataset. Which of them is told "
          "from the content, below; or "
          "`token_files`. Also `https://host/dir/file`, and `s3://bucket/dir/*.parquet`, which "
          "workers fetch (below).")
        .Required()
        .NotEmpty(kNoFiles);
    field.Include<CorpusText>();
    field("validation", &RecipeCorpus::validation,
          "Files, or patterns, that are set aside whole in place of a share of the documents; read "
          "like `files`, without `sample` and caps.")
        .NotEmpty(kNoFiles);
    field("site", &RecipeCorpus::site,
          "The files, by absolute names, are read in place on workers of this site, below their "
          "`--data-root`, and the corpus is prepared there. Without it, `submit` uploads them. Of "
          "files at `https://` or `s3://`: the site whose workers fetch them.");
    field("bind", &RecipeCorpus::bind,
          "What never leaves that site: `paths`, the text and the tokens of the documents on which "
          "paths are trained; or `all`, everything that is made of the corpus, models too. Absent: "
          "the files alone. Below.");
    field.Check(CheckSite);
    field.Check(CheckBind);
    field.Check(CheckRemote);
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeValidation::Fields() {
  static const Schema fields = [] {
    Builder<RecipeValidation> field("validation", "Text that is set aside to validate on.");
    field("documents", &RecipeValidation::documents,
          "Share of documents set aside before anything else, of corpora without `validation` "
          "files.")
        .Above(0)
        .Below(1);
    return field.Done();
  }();
  return fields;
}

const Schema& Validation::Fields() {
  static const Schema fields = [] {
    Builder<Validation> field("validation", "Which documents are set aside.");
    field("documents", &Validation::documents, "A share of the documents.")
        .AtLeast(0)
        .Below(1)
        .DefaultText("0.01");
    field("files", &Validation::files,
          "Instead: all of input `validation`, or of the patterns listed where the corpus is read "
          "in place.");
    field.Check([](const Validation& validation, const Fail& fail) {
      if (validation.files && validation.documents)
        fail({"documents"}, "files are set aside whole; give one of the two");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& SharedPart::Fields() {
  static const Schema fields = [] {
    Builder<SharedPart> field("shared", "Which documents may leave the corpus's site.");
    field("split", &SharedPart::split, "How the corpus is divided.").Required();
    field("seed", &SharedPart::seed, "Seed of the split, as the trainings have it.");
    field.Check([](const SharedPart& shared, const Fail& fail) {
      if (shared.split.unit != SplitUnit::kDocument)
        fail({"split", "unit"}, "must be document, so that the parts are the same in all epochs");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& PrepareTask::Fields() {
  static const Schema fields = [] {
    Builder<PrepareTask> field("prepare", "Documents of one corpus become shards of tokens.");
    field("corpus", &PrepareTask::corpus, "The corpus.").Required();
    field("validation", &PrepareTask::validation, "Which documents are set aside.").Required();
    field("seed", &PrepareTask::seed, "Seed of the sample and of what is set aside.");
    field("shared", &PrepareTask::shared);
    return field.Done();
  }();
  return fields;
}

const Schema& TokenizerTraining::Fields() {
  static const Schema fields = [] {
    Builder<TokenizerTraining> field("train", "Trains a byte-level BPE.");
    field("vocab", &TokenizerTraining::vocab,
          "Number of entries; `<|endoftext|>` is id 0. Models get one row more, for padding.")
        .AtLeast(258)
        .AtMost(1'000'000);
    field("bytes", &TokenizerTraining::bytes, "How much of the corpora, taken together, is read.")
        .AtLeast(1);
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeTokenizerTraining::Fields() {
  static const Schema fields = [] {
    Builder<RecipeTokenizerTraining> field("train", "Trains a byte-level BPE.");
    field.Include<TokenizerTraining>();
    field("corpora", &RecipeTokenizerTraining::corpora,
          "Names of the corpora that are read. One machine reads them, so they may not be bound to "
          "different sites.")
        .DefaultText("all");
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeTokenizer::Fields() {
  static const Schema fields = [] {
    Builder<RecipeTokenizer> field("tokenizer", "One of `file` and `train`.");
    field("file", &RecipeTokenizer::file,
          "A `tokenizer.json` in the format of Hugging Face, taken as it is: byte-level BPE, or "
          "that of "
          "SentencePiece.");
    field("end_of_text", &RecipeTokenizer::end_of_text,
          "The added token of `file` that ends every document, such as `</s>`; without it that is "
          "`<|endoftext|>`.");
    field("vocab", &RecipeTokenizer::vocab,
          "Number of entries of `file`: a plan then needs no file to count parameters.")
        .AtLeast(1)
        .AtMost(10'000'000);
    field("train", &RecipeTokenizer::train, "Trains a byte-level BPE.");
    field.Check([](const RecipeTokenizer& tokenizer, const Fail& fail) {
      if (tokenizer.train && tokenizer.vocab) {
        fail({"vocab"},
             "is the number of entries of file; of a tokenizer that is trained write train.vocab");
      }
      if (tokenizer.train && !tokenizer.end_of_text.empty())
        fail({"end_of_text"},
             "names a token of file; a tokenizer that is trained has <|endoftext|>");
      if (tokenizer.file.empty() != tokenizer.train.has_value())
        fail({""}, "give either file, a tokenizer.json, or train");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& TaskTokenizerTraining::Fields() {
  static const Schema fields = [] {
    Builder<TaskTokenizerTraining> field("train", "Trains a byte-level BPE.");
    field.Include<TokenizerTraining>();
    field("seed", &TaskTokenizerTraining::seed, "Seed of the samples of corpora.");
    field("corpora", &TaskTokenizerTraining::corpora,
          "What is read; each corpus gives an equal share of the bytes.")
        .Required()
        .NotEmpty("must name at least one corpus");
    return field.Done();
  }();
  return fields;
}

const Schema& AdoptedTokenizer::Fields() {
  static const Schema fields = [] {
    Builder<AdoptedTokenizer> field("adopt", "Takes a tokenizer as it is.");
    field("file", &AdoptedTokenizer::file, "Its name in input `file`.");
    field("end_of_text", &AdoptedTokenizer::end_of_text,
          "The added token that ends every document. Another one than the file's own, which is "
          "`<|endoftext|>` or one that is marked, is marked in the output.")
        // Task programs of older workers do not know it.
        .OmitDefault();
    return field.Done();
  }();
  return fields;
}

const Schema& TokenizerTask::Fields() {
  static const Schema fields = [] {
    Builder<TokenizerTask> field("tokenizer", "One of `adopt` and `train`.");
    field("adopt", &TokenizerTask::adopt, "Takes a tokenizer as it is.");
    field("train", &TokenizerTask::train, "Trains a byte-level BPE.");
    field.Check([](const TokenizerTask& task, const Fail& fail) {
      if (task.adopt.has_value() == task.train.has_value())
        fail({"adopt"}, "exactly one of adopt and train must be given");
    });
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
