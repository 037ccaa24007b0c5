// The part `next_token` of an evaluation, and its command.
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "schema/read.h"
#include "trainer/eval/next_token/next_token.h"
#include "trainer/eval/opened_model.h"

namespace braid::trainer {
namespace {

// The files of a folder, with their paths within it as names: the names are keys of the result,
// which must not depend on where the worker keeps the folder.
Result<std::vector<corpus::CorpusFile>> FilesOfFolder(const std::string& folder) {
  BRAID_ASSIGN_OR_RETURN(const auto files, corpus::CorpusFiles({}, folder));
  std::vector<corpus::CorpusFile> named;
  for (const corpus::CorpusFile& file : files)
    named.emplace_back(file.path, file.path.substr(JoinPath(folder, "").size() + 1));
  return named;
}

class NextTokenEvaluation final : public Evaluation {
 public:
  explicit NextTokenEvaluation(spec::NextTokenSettings settings) : settings_(std::move(settings)) {}

  Status Open(const EvaluationInputs& inputs) override {
    tokenizer_ = inputs.tokenizer;
    BRAID_ASSIGN_OR_RETURN(
        settings_, FillNextToken(settings_, inputs.model, inputs.sequence, "spec.next_token"));
    BRAID_ASSIGN_OR_RETURN(const std::string folder, inputs.task.Input("next_token"));
    BRAID_ASSIGN_OR_RETURN(users_, corpus::FileNames::Read(folder));
    BRAID_ASSIGN_OR_RETURN(files_, FilesOfFolder(folder));
    return WithUsersName(CheckNextTokenFiles(settings_, files_));
  }
  Result<Json> Measure(EvaluationRun& run) override {
    Result<Json> json = MeasureNextToken(run.network, tokenizer_, settings_, files_, run.hooks);
    return json.ok() ? std::move(json) : WithUsersName(json.status());
  }
  void Summarize(const Json& result, Json* summary) const override {
    (*summary)["next_token"] = result["all"];
  }

 private:
  // The error about a file with the user's name of it, in the place of the key of the result.
  Status WithUsersName(const Status& status) const {
    for (const corpus::CorpusFile& file : files_) {
      if (status.message().starts_with(file.name))
        return corpus::WithName(status, {file.name, users_.At(file.name).name});
    }
    return status;
  }

  spec::NextTokenSettings settings_;
  SharedTokenizer tokenizer_;
  corpus::FileNames users_;
  std::vector<corpus::CorpusFile> files_;
};

std::unique_ptr<Evaluation> MakeNextToken(const spec::EvaluateTask& task) {
  return task.next_token ? std::make_unique<NextTokenEvaluation>(*task.next_token) : nullptr;
}

Result<spec::NextTokenSettings> NextTokenSettingsOf(const Arguments& arguments) {
  Json spec = Json::object();
  for (const char* field : {"window", "stride", "documents"}) {
    if (!arguments.Has(field)) continue;
    BRAID_ASSIGN_OR_RETURN(spec[field], arguments.GetInt(field, 0));
  }
  for (const char* field : {"format", "text", "separator"}) {
    if (arguments.Has(field)) spec[field] = arguments.Get(field);
  }
  return schema::FromJson<spec::NextTokenSettings>(spec, "next_token");
}

void PrintText(const std::string& name, const Json& text) {
  std::printf(
      "%-24s loss %.4f  bits a byte %.4f  first guess %.2f %%  first five %.2f %%  over "
      "%lld tokens, %lld bytes of %lld documents\n",
      name.c_str(), text["loss"].get<double>(), text["bits_per_byte"].get<double>(),
      text["top1"].get<double>(), text["top5"].get<double>(),
      (long long)text["tokens"].get<int64_t>(), (long long)text["bytes"].get<int64_t>(),
      (long long)text["documents"].get<int64_t>());
}

Status NextTokenCommand(const Arguments& arguments) {
  if (arguments.positional().size() < 3)
    return InvalidArgument("next-token takes a checkpoint folder and files of text");
  BRAID_ASSIGN_OR_RETURN(spec::NextTokenSettings settings, NextTokenSettingsOf(arguments));
  std::vector<corpus::CorpusFile> files;
  for (size_t i = 2; i < arguments.positional().size(); ++i)
    files.emplace_back(arguments.positional()[i]);
  BRAID_RETURN_IF_ERROR(CheckNextTokenFiles(settings, files));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  const model::ModelSpec& model = opened.network->spec();
  BRAID_ASSIGN_OR_RETURN(settings, FillNextToken(settings, model, model.sequence, "next_token"));
  BRAID_ASSIGN_OR_RETURN(const Json json, MeasureNextToken(*opened.network, opened.tokenizer,
                                                           settings, files, MeasureHooks()));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(json).c_str());
    return OkStatus();
  }
  for (const auto& [name, text] : json["files"].items()) PrintText(name, text);
  if (files.size() > 1) PrintText("all", json["all"]);
  return OkStatus();
}

// Checks the files that a recipe names; the options say how they are read.
Status CheckNextToken(const Arguments& arguments) {
  if (!arguments.Has("next-token")) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const spec::NextTokenSettings settings, NextTokenSettingsOf(arguments));
  std::vector<corpus::CorpusFile> files;
  for (const std::string& file : Split(arguments.Get("next-token"), ',')) files.emplace_back(file);
  return CheckNextTokenFiles(settings, files);
}

}  // namespace

EvaluationKind NextTokenKind() {
  return {"next_token",
          &MakeNextToken,
          {"next-token",
           "braid-trainer next-token FOLDER FILE... loss, bits a byte and accuracy of the next "
           "token of text files\n"
           "    [--window 0] [--stride 0] [--documents 0] [--text FIELD] [--separator LINE] "
           "[--format rows]\n"
           "    [--tokenizer FILE] [--threads 2] [--json]\n",
           {"window", "stride", "documents", "text", "separator", "format", "tokenizer", "threads"},
           &NextTokenCommand},
          {"[--next-token FILE,FILE] [--text FIELD] [--separator LINE] [--format rows]",
           {"next-token", "text", "separator", "format"},
           &CheckNextToken}};
}

}  // namespace braid::trainer
