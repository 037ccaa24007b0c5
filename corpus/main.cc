// braid-prepare: training of tokenizers and preparation of token shards, as jobs or by hand.
#include <cstdio>
#include <iostream>

#include "base/arguments.h"
#include "base/file.h"
#include "base/guarded_main.h"
#include "base/json.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "corpus/fetch_of_task.h"
#include "corpus/prepare.h"
#include "corpus/shards.h"
#include "corpus/tokenizer.h"
#include "storage/files/artifact_files.h"
#include "task/program.h"

namespace braid::corpus {
namespace {

constexpr char kUsage[] =
    "braid-prepare TASK.json                          do the job of a task file (docs/tasks.md)\n"
    "braid-prepare encode --tokenizer FILE [TEXT]     ids of a text, or of standard input\n"
    "braid-prepare decode --tokenizer FILE ID...      text of ids\n"
    "braid-prepare inspect FOLDER                     what a folder of shards holds\n"
    "braid-prepare check FILE.json                    the first document of every file of "
    "[{\"corpus\": CORPUS, \"files\": [...], \"part\": true if the corpus has others}]\n"
    "braid-prepare documents CORPUS.json [FILE...]    the texts of a corpus, as JSON lines; "
    "CORPUS as in docs/tasks.md\n";

int Fail(const Status& status) {
  std::fprintf(stderr, "braid-prepare: %s\n", status.message().c_str());
  return 1;
}

Status Encode(const Arguments& arguments) {
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer,
                         Tokenizer::Load(arguments.Get("tokenizer", artifact_files::kTokenizer)));
  std::string text;
  if (arguments.positional().size() > 1) {
    text = arguments.positional()[1];
  } else {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  std::vector<int32_t> ids;
  Encoder(tokenizer).Encode(text, &ids);
  for (size_t i = 0; i < ids.size(); ++i) std::printf("%s%d", i == 0 ? "" : " ", ids[i]);
  std::printf("\n");
  return OkStatus();
}

Status Decode(const Arguments& arguments) {
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer,
                         Tokenizer::Load(arguments.Get("tokenizer", artifact_files::kTokenizer)));
  std::vector<int32_t> ids;
  for (size_t i = 1; i < arguments.positional().size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(const int64_t id, ParseInt(arguments.positional()[i]));
    ids.push_back(static_cast<int32_t>(id));
  }
  std::printf("%s\n", tokenizer->DecodeDocument(ids).c_str());
  return OkStatus();
}

Status Inspect(const Arguments& arguments) {
  if (arguments.positional().size() != 2)
    return InvalidArgument("inspect takes one folder of shards");
  BRAID_ASSIGN_OR_RETURN(const Shards shards, Shards::Open(arguments.positional()[1]));
  std::printf("%s", DumpJson(shards.description).c_str());
  return OkStatus();
}

Status Check(const Arguments& arguments) {
  if (arguments.positional().size() != 2)
    return InvalidArgument("check takes one file, a list of corpora with their files");
  const std::string path = arguments.positional()[1];
  BRAID_ASSIGN_OR_RETURN(const Json corpora, ReadJsonFile(path));
  if (!corpora.is_array()) return InvalidArgument(path + ": expected a list of corpora");
  // All errors are collected, so that one call shows everything that has to be repaired.
  std::vector<std::string> faults;
  for (size_t i = 0; i < corpora.size(); ++i) {
    JsonReader read(corpora[i], path + "." + std::to_string(i));
    const Json& corpus = read.RequireObject("corpus");
    const std::vector<std::string> files = read.Strings("files");
    const bool part = read.Bool("part", false);
    BRAID_RETURN_IF_ERROR(read.Finish());
    BRAID_ASSIGN_OR_RETURN(CorpusSpec spec,
                           CorpusFromJson(corpus, path + "." + std::to_string(i) + ".corpus"));
    spec.part = part;
    for (const Status& fault : CheckCorpus(spec, {files.begin(), files.end()}))
      faults.push_back(fault.message());
  }
  return faults.empty() ? OkStatus() : InvalidArgument(Join(faults, "\nbraid-prepare: "));
}

// So that one can see what a template, or any other setting, makes of one's files.
Status Documents(const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.positional();
  if (words.size() < 2)
    return InvalidArgument("documents takes a file with a corpus, and names of the corpus's files");
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(words[1]));
  BRAID_ASSIGN_OR_RETURN(CorpusSpec spec, CorpusFromJson(json, words[1]));
  if (spec.has_ids())
    return InvalidArgument(words[1] + ": documents of ids have no text; prepare them, and inspect");
  if (words.size() > 2) spec.files.assign(words.begin() + 2, words.end());
  BRAID_ASSIGN_OR_RETURN(const std::vector<CorpusFile> files, CorpusFiles(spec, ""));
  LeftOut left_out;
  BRAID_RETURN_IF_ERROR(ReadDocuments(
      spec, files, spec::PrepareTask().seed,
      [](const Document& document) {
        const std::string line =
            Json({{"text", document.text}}).dump(-1, ' ', false, Json::error_handler_t::replace);
        std::printf("%s\n", line.c_str());
        return OkStatus();
      },
      {}, &left_out));
  return CheckBadRows(spec, left_out);
}

task::Job WithFetch(Status (*job)(const task::Task&, task::Channel&, const MakeFetch&)) {
  return [job](const task::Task& task, task::Channel& channel) {
    return job(task, channel, [&] { return FetchOfTask(task, channel); });
  };
}

int Main(int argc, char** argv) {
  const auto arguments = Arguments::Parse(argc, argv, {"tokenizer"}, {"help"});
  if (!arguments.ok()) return Fail(arguments.status());
  const auto& words = arguments->positional();
  if (words.empty() || arguments->Has("help")) {
    std::fputs(kUsage, words.empty() && !arguments->Has("help") ? stderr : stdout);
    return arguments->Has("help") ? 0 : 2;
  }
  Status status;
  if (words[0] == "encode") {
    status = Encode(*arguments);
  } else if (words[0] == "decode") {
    status = Decode(*arguments);
  } else if (words[0] == "inspect") {
    status = Inspect(*arguments);
  } else if (words[0] == "check") {
    status = Check(*arguments);
  } else if (words[0] == "documents") {
    status = Documents(*arguments);
  } else {
    return task::RunTaskProgram("braid-prepare", words[0],
                                {{task::JobKind::kTokenizer, WithFetch(RunTokenizerJob)},
                                 {task::JobKind::kPrepare, WithFetch(RunPrepareJob)}});
  }
  return status.ok() ? 0 : Fail(status);
}

}  // namespace
}  // namespace braid::corpus

int main(int argc, char** argv) {
  return braid::GuardedMain("braid-prepare", braid::corpus::Main, argc, argv);
}
