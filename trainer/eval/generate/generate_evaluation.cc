// The part `generate` of an evaluation, what a model writes after prompts, and its command.
#include <algorithm>
#include <cstdio>
#include <map>
#include <span>

#include "base/file.h"
#include "corpus/file_names.h"
#include "schema/read.h"
#include "trainer/eval/evaluation.h"
#include "trainer/eval/generate/sample.h"
#include "trainer/eval/opened_model.h"
#include "trainer/eval/routing/routing.h"

namespace braid::trainer {
namespace {

class GenerateEvaluation final : public Evaluation {
 public:
  explicit GenerateEvaluation(spec::GenerateSettings settings) : settings_(std::move(settings)) {}

  Status Open(const EvaluationInputs& inputs) override {
    tokenizer_ = inputs.tokenizer;
    if (!settings_.file.empty()) {
      BRAID_ASSIGN_OR_RETURN(const std::string folder, inputs.task.Input("prompts"));
      BRAID_ASSIGN_OR_RETURN(const corpus::FileNames names, corpus::FileNames::Read(folder));
      const corpus::CorpusFile file = names.At(settings_.file);
      BRAID_RETURN_IF_ERROR(corpus::WithName(ReadPrompts(file.path, &settings_.prompts), file));
    }
    corpus::Encoder encoder(tokenizer_);
    size_t longest = 0;
    for (const std::string& prompt : settings_.prompts) {
      BRAID_ASSIGN_OR_RETURN(
          const std::vector<int32_t> ids,
          EncodePrompt(inputs.model, *tokenizer_, encoder, prompt, settings_.tokens));
      longest = std::max(longest, ids.size());
    }
    at_once_ = PromptsAtOnce(inputs.model, static_cast<int64_t>(longest), settings_.tokens);
    return OkStatus();
  }

  Result<Json> Measure(EvaluationRun& run) override {
    Json samples = Json::array();
    corpus::Encoder encoder(tokenizer_);
    const auto count = static_cast<int64_t>(settings_.prompts.size());
    // Samples of the present group that are not recorded yet. The groups are the same after a stop
    // as without one, because the logits of a routed model may differ in their last bits with the
    // batch that a prompt is in. Samples of the group that were recorded before the stop are
    // generated again and dropped.
    std::map<size_t, Sample> ahead;
    for (size_t i = 0; i < settings_.prompts.size(); ++i) {
      const auto generate = [&]() -> Result<Json> {
        if (!ahead.contains(i)) {
          const size_t begin = i - i % at_once_;
          const auto prompts = std::span<const std::string>(settings_.prompts).subspan(begin);
          BRAID_ASSIGN_OR_RETURN(
              std::vector<Sample> made,
              GenerateAll(run.network, *tokenizer_, encoder,
                          prompts.first(std::min(at_once_, prompts.size())), settings_, begin));
          for (size_t k = i - begin; k < made.size(); ++k) ahead[begin + k] = std::move(made[k]);
        }
        return ToJson(ahead.extract(i).mapped());
      };
      BRAID_ASSIGN_OR_RETURN(Json sample, run.hooks.once("samples/" + std::to_string(i), generate));
      samples.push_back(std::move(sample));
      if (run.hooks.report)
        BRAID_RETURN_IF_ERROR(
            run.hooks.report("generating", "prompts", static_cast<int64_t>(i) + 1, count));
    }
    return samples;
  }

 private:
  spec::GenerateSettings settings_;
  SharedTokenizer tokenizer_;
  size_t at_once_ = 1;  // prompts that are read side by side
};

std::unique_ptr<Evaluation> MakeGenerate(const spec::EvaluateTask& task) {
  return task.generate ? std::make_unique<GenerateEvaluation>(*task.generate) : nullptr;
}

Result<spec::GenerateSettings> GenerateSettingsOf(const Arguments& arguments) {
  Json spec = {{"prompts", {arguments.positional()[2]}}};
  for (const auto& [option, field] :
       {std::pair{"tokens", "tokens"}, {"top-k", "top_k"}, {"seed", "seed"}}) {
    if (!arguments.Has(option)) continue;
    BRAID_ASSIGN_OR_RETURN(spec[field], arguments.GetInt(option, 0));
  }
  for (const auto& [option, field] :
       {std::pair{"temperature", "temperature"}, {"top-p", "top_p"}}) {
    if (!arguments.Has(option)) continue;
    BRAID_ASSIGN_OR_RETURN(spec[field], arguments.GetDouble(option, 0));
  }
  return schema::FromJson<spec::GenerateSettings>(spec, "generate");
}

Status GenerateCommand(const Arguments& arguments) {
  if (arguments.positional().size() != 3)
    return InvalidArgument("generate takes a checkpoint folder and a prompt");
  BRAID_ASSIGN_OR_RETURN(const spec::GenerateSettings settings, GenerateSettingsOf(arguments));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  corpus::Encoder encoder(opened.tokenizer);
  BRAID_ASSIGN_OR_RETURN(const Sample sample, Generate(*opened.network, *opened.tokenizer, encoder,
                                                       settings.prompts.front(), settings, 0));
  if (!arguments.Has("json")) {
    std::printf("%s%s\n", sample.prompt.c_str(), sample.text.c_str());
    return OkStatus();
  }
  std::printf("%s", DumpJson(ToJson(sample)).c_str());
  return OkStatus();
}

// Checks a file {"positions": of the model with the fewest, 0 for no limit; "tokens": to generate;
// "prompts": [...]; "file": with more prompts, or ""; "routing": [...]}. Without a tokenizer, the
// lengths of prompts are not checked.
Status CheckPromptFile(const std::string& path, const std::string& tokenizer_file,
                       const std::string& end_of_text) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  JsonReader read(json, path);
  model::ModelSpec model;
  model.arch.rope_max_pos = read.Int("positions", 0);
  const int64_t tokens = read.Int("tokens", 0);
  std::vector<std::string> prompts = read.Strings("prompts");
  const std::string file = read.String("file", "");
  const std::vector<std::string> routing = read.Strings("routing");
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (!file.empty()) BRAID_RETURN_IF_ERROR(ReadPrompts(file, &prompts));
  if (tokenizer_file.empty()) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::string content,
                         corpus::ReadTokenizerText(tokenizer_file, end_of_text));
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, corpus::Tokenizer::Parse(content, tokenizer_file));
  corpus::Encoder encoder(tokenizer);
  for (const std::string& prompt : prompts)
    BRAID_RETURN_IF_ERROR(EncodePrompt(model, *tokenizer, encoder, prompt, tokens).status());
  for (const std::string& text : routing) {
    BRAID_RETURN_IF_ERROR(
        EncodeRoutingPrompt({text, 0}, encoder, model.arch.rope_max_pos).status());
  }
  return OkStatus();
}

Status CheckPrompts(const Arguments& arguments) {
  return arguments.Has("prompts")
             ? CheckPromptFile(arguments.Get("prompts"), arguments.Get("tokenizer"),
                               arguments.Get("end-of-text"))
             : OkStatus();
}

}  // namespace

EvaluationKind GenerateKind() {
  return {"samples",
          &MakeGenerate,
          {"generate",
           "braid-trainer generate FOLDER PROMPT    text from a checkpoint folder with a "
           "tokenizer.json in it\n"
           "    [--tokens 40] [--temperature 0] [--top-k 0] [--top-p 1] [--seed 42] [--tokenizer "
           "FILE] [--threads 2] [--json]\n",
           {"tokens", "temperature", "top-k", "top-p", "seed", "tokenizer", "threads"},
           &GenerateCommand},
          {"[--prompts FILE.json] [--tokenizer FILE [--end-of-text TOKEN]]",
           {"prompts", "tokenizer", "end-of-text"},
           &CheckPrompts}};
}

}  // namespace braid::trainer
