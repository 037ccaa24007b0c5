#include <map>

#include "base/file.h"
#include "base/text.h"
#include "corpus/bpe_trainer.h"
#include "corpus/corpus.h"
#include "corpus/prepare.h"
#include "corpus/tokenizer.h"
#include "corpus/unicode.h"
#include "schema/read.h"
#include "spec/corpus.h"
#include "storage/files/artifact_files.h"

namespace braid::corpus {
namespace {

// Documents are counted in batches of about this size, in parallel.
constexpr size_t kCountedBytes = size_t{8} << 20;

// Each corpus contributes the same number of bytes. The corpora are read one after the other:
// counts add up, so that alternating between them would change nothing.
Result<std::string> TrainTokenizer(const task::Task& task, const spec::TaskTokenizerTraining& spec,
                                   task::Channel& channel, const MakeFetch& fetch) {
  BpeTrainer trainer(static_cast<size_t>(task.threads));
  std::vector<std::string> batch;
  size_t batch_bytes = 0;
  const auto count = [&] {
    trainer.Add(batch);
    batch.clear();
    batch_bytes = 0;
  };
  int64_t seen = 0;
  for (size_t i = 0; i < spec.corpora.size(); ++i) {
    const CorpusSpec corpus{spec.corpora[i]};
    if (corpus.has_ids()) {
      return InvalidArgument("spec.train.corpora." + std::to_string(i) + ": corpus " + corpus.name +
                             " is ids (" + (corpus.token_files ? "token_files" : "input_ids") +
                             "), of which no tokenizer can be trained; adopt the "
                             "one that made them");
    }
    BRAID_ASSIGN_OR_RETURN(
        const std::vector<CorpusFile> files,
        InputFiles(task, channel, corpus, task::role::Source(corpus.name), fetch));
    const int64_t limit = seen + spec.bytes / static_cast<int64_t>(spec.corpora.size());
    bool enough = false;
    LeftOut left_out;
    const auto use = [&](Document document) -> Status {
      // kCancelled ends the reading of this corpus without an error.
      enough = seen >= limit;
      if (enough) return Cancelled("enough");
      if (channel.stop_requested()) return Cancelled("stop");
      seen += static_cast<int64_t>(document.text.size());
      batch_bytes += document.text.size();
      batch.push_back(std::move(document.text));
      if (batch_bytes >= kCountedBytes) count();
      channel.Progress("counting", "bytes", std::min(seen, spec.bytes), spec.bytes);
      return OkStatus();
    };
    BRAID_RETURN_IF_ERROR(ReadDocuments(corpus, files, spec.seed, use, {}, &left_out));
    if (channel.stop_requested())
      return Cancelled("stopped while counting; nothing is lost, the job starts over");
    // Of a corpus that is read in part, the job that prepares it knows the share.
    if (!enough) BRAID_RETURN_IF_ERROR(CheckBadRows(corpus, left_out));
  }
  count();
  channel.Progress("merging", "entries", 0, spec.vocab);
  BRAID_ASSIGN_OR_RETURN(const Json json, trainer.Train(spec.vocab));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Status RunTokenizerJob(const task::Task& task, task::Channel& channel, const MakeFetch& fetch) {
  BRAID_ASSIGN_OR_RETURN(const spec::TokenizerTask spec,
                         schema::FromJson<spec::TokenizerTask>(task.spec, "spec"));
  std::string text, what;
  if (spec.adopt) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kFile));
    what = JoinPath(folder, spec.adopt->file);
    BRAID_ASSIGN_OR_RETURN(text, ReadTokenizerText(what, spec.adopt->end_of_text));
  } else {
    what = "the trained tokenizer";
    BRAID_ASSIGN_OR_RETURN(text, TrainTokenizer(task, *spec.train, channel, fetch));
  }
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Parse(text, what));
  constexpr char kFolder[] = "tokenizer";
  const std::string folder = JoinPath(task.output, kFolder);
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  // The text as it was read, byte for byte, unless its end of text was named: the digest of the
  // file names the tokenizer.
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, artifact_files::kTokenizer), text));
  const Json facts = {{"entries", tokenizer->entries()}, {"eos_id", tokenizer->eos_id()},
                      {"pad_id", tokenizer->pad_id()},   {"vocab", tokenizer->vocab()},
                      {"digest", tokenizer->digest()},   {"unicode", UnicodeVersion()}};
  channel.AddOutput(task::role::kTokenizer, task::ArtifactKind::kTokenizer, kFolder, facts);
  channel.Succeed(facts);
  return OkStatus();
}

}  // namespace braid::corpus
