#include <map>

#include "base/file.h"
#include "base/text.h"
#include "corpus/bpe_trainer.h"
#include "corpus/corpus.h"
#include "corpus/prepare.h"
#include "corpus/tokenizer.h"
#include "corpus/unicode.h"

namespace braid::corpus {
namespace {

// Takes turns between corpora would change nothing: counts add up. Each corpus gives an equal share
// of the bytes.
Result<std::string> TrainTokenizer(const task::Task& task, const Json& spec,
                                   task::Channel& channel) {
  JsonReader read(spec, "spec.train");
  const int64_t vocab = read.RequireInt("vocab");
  const int64_t bytes = read.Int("bytes", 10'000'000);
  const int64_t seed = read.Int("seed", 42);
  const Json& corpora = read.RequireArray("corpora");
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (corpora.empty()) return InvalidArgument("spec.train.corpora: must name at least one corpus");
  BpeTrainer trainer;
  int64_t seen = 0;
  for (size_t i = 0; i < corpora.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(CorpusSpec corpus,
                           CorpusFromJson(corpora[i], "spec.train.corpora." + std::to_string(i)));
    if (!corpus.input_ids.empty()) {
      return InvalidArgument("spec.train.corpora." + std::to_string(i) + ": corpus " + corpus.name +
                             " is ids (input_ids), of which no tokenizer can be trained; adopt the "
                             "one that made them");
    }
    const std::string role = "source." + corpus.name;
    std::string folder;
    if (task.inputs.contains(role)) {
      BRAID_ASSIGN_OR_RETURN(folder, task.Input(role));
    }
    if (folder.empty()) BRAID_RETURN_IF_ERROR(task::CheckPatternsBelowRoots(task, corpus.files));
    BRAID_ASSIGN_OR_RETURN(const auto files, CorpusFiles(corpus, folder));
    if (folder.empty()) BRAID_RETURN_IF_ERROR(task::CheckFilesBelowRoots(task, PathsOf(files)));
    const int64_t limit = seen + bytes / static_cast<int64_t>(corpora.size());
    BRAID_RETURN_IF_ERROR(
        ReadDocuments(corpus, files, static_cast<uint64_t>(seed), [&](Document document) -> Status {
          if (seen >= limit) return Cancelled("enough");
          if (channel.stop_requested()) return Cancelled("stop");
          trainer.Add(document.text);
          seen += static_cast<int64_t>(document.text.size());
          channel.Progress("counting", "bytes", std::min(seen, bytes), bytes);
          return OkStatus();
        }));
    if (channel.stop_requested())
      return Cancelled("stopped while counting; nothing is lost, the job starts over");
  }
  channel.Progress("merging", "entries", 0, vocab);
  BRAID_ASSIGN_OR_RETURN(const Json json, trainer.Train(vocab));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Status RunTokenizerJob(const task::Task& task, task::Channel& channel) {
  JsonReader read(task.spec, "spec");
  const Json& adopt = read.Value("adopt");
  const Json& train = read.Value("train");
  if (adopt.is_null() == train.is_null())
    read.Fail("adopt", "exactly one of adopt and train must be given");
  BRAID_RETURN_IF_ERROR(read.Finish());
  std::string text, what;
  if (!adopt.is_null()) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("file"));
    JsonReader adopted(adopt, "spec.adopt");
    what = JoinPath(folder, adopted.String("file", "tokenizer.json"));
    BRAID_RETURN_IF_ERROR(adopted.Finish());
    BRAID_ASSIGN_OR_RETURN(text, ReadFile(what, uint64_t{256} << 20));
  } else {
    what = "the trained tokenizer";
    BRAID_ASSIGN_OR_RETURN(text, TrainTokenizer(task, train, channel));
  }
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Parse(text, what));
  const std::string folder = JoinPath(task.output, "tokenizer");
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, "tokenizer.json"), text));
  const Json facts = {{"entries", tokenizer->entries()}, {"eos_id", tokenizer->eos_id()},
                      {"pad_id", tokenizer->pad_id()},   {"vocab", tokenizer->vocab()},
                      {"digest", tokenizer->digest()},   {"unicode", UnicodeVersion()}};
  channel.AddOutput("tokenizer", "tokenizer", "tokenizer", facts);
  channel.Succeed(facts);
  return OkStatus();
}

}  // namespace braid::corpus
