#include "trainer/eval/by_hand.h"

#include <cmath>
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "corpus/tagged_text.h"
#include "trainer/eval/by_hand_model.h"
#include "trainer/eval/glue/glue.h"
#include "trainer/eval/measure.h"
#include "trainer/eval/sample.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/validation.h"
#include "trainer/network/lora.h"

namespace braid::trainer {
namespace {

Json Words(const std::string& list) {
  Json words = Json::array();
  for (const std::string& word : Split(list, ',')) words.push_back(word);
  return words;
}

Result<Json> Numbers(const std::string& list, const std::string& option) {
  Json numbers = Json::array();
  for (const std::string& word : Split(list, ',')) {
    const Result<int64_t> number = ParseInt(word);
    if (!number.ok() || *number < 0)
      return InvalidArgument("--" + option + ": " + word + " is no whole number from 0 on");
    numbers.push_back(static_cast<uint64_t>(*number));
  }
  return numbers;
}

Result<GlueSettings> SettingsOf(const Arguments& arguments) {
  Json spec = Json::object();
  if (arguments.Has("tasks")) spec["tasks"] = Words(arguments.Get("tasks", ""));
  if (arguments.Has("seeds")) {
    BRAID_ASSIGN_OR_RETURN(spec["seeds"], Numbers(arguments.Get("seeds", ""), "seeds"));
  }
  for (const char* field : {"epochs", "documents", "batch", "length"}) {
    if (!arguments.Has(field)) continue;
    BRAID_ASSIGN_OR_RETURN(spec[field], arguments.GetInt(field, 0));
  }
  if (arguments.Has("mnli")) spec["mnli"] = arguments.Get("mnli");
  return GlueSettingsFromJson(spec, "glue");
}

Result<SampleSettings> SampleSettingsOf(const Arguments& arguments) {
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
  return SampleSettingsFromJson(spec, "generate");
}

Result<ValidationSpec> ValidationOf(const Arguments& arguments, int64_t sequence) {
  Json spec = Json::object();
  if (arguments.Has("average")) spec["average"] = arguments.Get("average");
  if (arguments.Has("last-label")) spec["last_label"] = arguments.Get("last-label");
  JsonReader read(spec, "evaluate");
  ValidationSpec validation;
  validation.sequence = sequence;
  validation.average = read.Choice("average", validation.average, {"token_mean", "batch_mean"});
  validation.last_label = read.Choice("last_label", validation.last_label,
                                      {"ignore", "copy_input"});
  BRAID_ASSIGN_OR_RETURN(validation.sequences, arguments.GetInt("sequences", 0, 0));
  BRAID_RETURN_IF_ERROR(read.Finish());
  return validation;
}

// {"positions": of the shortest table, 0 for none, "tokens": to generate, "prompts": [...], "file":
// more of them or "", "routing": [...]}. Without a tokenizer their lengths are not known.
Status CheckPrompts(const std::string& path, const std::string& tokenizer_file) {
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
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, corpus::Tokenizer::Load(tokenizer_file));
  corpus::Encoder encoder(tokenizer);
  for (const std::string& prompt : prompts)
    BRAID_RETURN_IF_ERROR(EncodePrompt(model, *tokenizer, encoder, prompt, tokens).status());
  for (const std::string& text : routing) {
    BRAID_RETURN_IF_ERROR(
        EncodeRoutingPrompt({text, 0}, encoder, model.arch.rope_max_pos).status());
  }
  return OkStatus();
}

// Without --tasks: those of which the folder has files.
Status KeepTasksOf(const std::string& dir, GlueSettings* settings) {
  BRAID_ASSIGN_OR_RETURN(const TaskFiles files, TaskFiles::Find(dir));
  std::erase_if(settings->tasks, [&](const std::string& task) { return !files.Has(task); });
  return settings->tasks.empty()
             ? InvalidArgument(dir + " has no file of a task of GLUE or SuperGLUE")
             : OkStatus();
}

}  // namespace

Status GenerateByHand(const Arguments& arguments) {
  if (arguments.positional().size() != 3)
    return InvalidArgument("generate takes a checkpoint folder and a prompt");
  BRAID_ASSIGN_OR_RETURN(const SampleSettings settings, SampleSettingsOf(arguments));
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

Status EvaluateByHand(const Arguments& arguments) {
  if (arguments.positional().size() < 3)
    return InvalidArgument("evaluate takes a checkpoint folder and folders of shards");
  BRAID_RETURN_IF_ERROR(UseThreads(arguments));
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(arguments.positional()[1], "cpu"));
  BRAID_ASSIGN_OR_RETURN(ValidationSpec validation,
                         ValidationOf(arguments, network->spec().sequence));
  // Bytes are known where a tokenizer stands beside the model.
  if (const std::string file = JoinPath(arguments.positional()[1], "tokenizer.json");
      PathExists(file)) {
    BRAID_ASSIGN_OR_RETURN(const auto tokenizer, corpus::Tokenizer::Load(file));
    if (tokenizer->digest() == network->spec().tokenizer)
      validation.token_bytes = TokenBytes(*tokenizer);
  }
  BRAID_ASSIGN_OR_RETURN(const auto shards, OpenNamedShards(arguments, network->spec()));
  std::vector<const corpus::Shards*> sets;
  for (const corpus::Shards& set : shards) {
    BRAID_RETURN_IF_ERROR(CheckSetAside(set, validation.sequence));
    sets.push_back(&set);
  }
  const auto alone = LocalCollective();
  BRAID_ASSIGN_OR_RETURN(const auto losses, ValidationLosses(*network, sets, validation, *alone));
  Json json = Json::object();
  for (const auto& [corpus, loss] : losses) {
    json[corpus] = ToJson(loss, validation.last_label);
    if (arguments.Has("json")) continue;
    std::printf("%-16s loss %.4f  perplexity %.2f", corpus.c_str(), loss.mean, std::exp(loss.mean));
    if (loss.bits_per_byte > 0) std::printf("  bits a byte %.4f", loss.bits_per_byte);
    if (validation.last_label != "ignore")
      std::printf("  without last positions %.4f", loss.mean_ignore_last);
    std::printf("  over %lld tokens\n", (long long)loss.targets);
  }
  if (arguments.Has("json")) std::printf("%s", DumpJson(json).c_str());
  return OkStatus();
}

Status BlimpByHand(const Arguments& arguments) {
  if (arguments.positional().size() != 3) {
    return InvalidArgument("blimp takes a checkpoint folder and a folder of BLiMP's files");
  }
  BRAID_ASSIGN_OR_RETURN(const int64_t pairs, arguments.GetInt("pairs", 0, 0));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const Json json,
                         MeasureBlimp(*opened.network, opened.tokenizer, arguments.positional()[2],
                                      pairs, {.report = OnStandardError()}));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(json).c_str());
    return OkStatus();
  }
  for (const auto& [paradigm, accuracy] : json["paradigms"].items()) {
    std::printf("%-56s %6.2f\n", paradigm.c_str(), accuracy.get<double>());
  }
  const std::string mean = Format("mean of %zu paradigms", json["paradigms"].size());
  std::printf("%-56s %6.2f\n", mean.c_str(), json["mean"].get<double>());
  return OkStatus();
}

Status GlueByHand(const Arguments& arguments) {
  if (arguments.positional().size() != 3)
    return InvalidArgument("glue takes a checkpoint folder and a folder of task files");
  const std::string& dir = arguments.positional()[2];
  BRAID_ASSIGN_OR_RETURN(GlueSettings settings, SettingsOf(arguments));
  if (!arguments.Has("tasks")) BRAID_RETURN_IF_ERROR(KeepTasksOf(dir, &settings));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const Json json,
                         MeasureGlue(*opened.network, opened.tokenizer, {dir, dir}, settings,
                                     arguments.Get("adapters", ""), {.report = OnStandardError()}));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(json).c_str());
    return OkStatus();
  }
  for (const auto& [name, task] : json["tasks"].items()) {
    std::printf("%-10s %6.2f  deviation %.2f over %zu seeds  %s\n", name.c_str(),
                task["score"].get<double>(), task["deviation"].get<double>(), task["seeds"].size(),
                task["metric"].get<std::string>().c_str());
  }
  for (const char* suite : {"glue", "superglue"}) {
    if (json.contains(suite)) std::printf("%-10s %6.2f\n", suite, json[suite].get<double>());
  }
  return OkStatus();
}

Status CheckByHand(const Arguments& arguments) {
  if (arguments.positional().size() != 1)
    return InvalidArgument(
        "check takes folders and files as options: --blimp, --glue, --superglue, --tagged, "
        "--prompts");
  if (arguments.Has("blimp")) {
    BRAID_ASSIGN_OR_RETURN(const int64_t pairs, arguments.GetInt("pairs", 0, 0));
    BRAID_RETURN_IF_ERROR(CheckBlimp(arguments.Get("blimp"), pairs));
  }
  if (arguments.Has("prompts"))
    BRAID_RETURN_IF_ERROR(CheckPrompts(arguments.Get("prompts"), arguments.Get("tokenizer")));
  for (const std::string& file : Split(arguments.Get("tagged"), ',')) {
    if (!file.empty()) BRAID_RETURN_IF_ERROR(corpus::CheckTaggedText(file));
  }
  if (!arguments.Has("glue") && !arguments.Has("superglue")) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const GlueSettings settings, SettingsOf(arguments));
  return CheckGlueFiles({arguments.Get("glue", arguments.Get("superglue")),
                         arguments.Get("superglue", arguments.Get("glue"))},
                        settings);
}

Status AdaptByHand(const Arguments& arguments) {
  const auto& words = arguments.positional();
  if (words.size() != 4)
    return InvalidArgument(
        "adapt takes a checkpoint folder, a folder of adapters and a new folder");
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const LoraConfig config, ReadLoraConfig(words[2]));
  {
    BRAID_ASSIGN_OR_RETURN(const auto lora, Lora::Attach(*opened.network, config));
    BRAID_RETURN_IF_ERROR(lora->Load(words[2]));
    lora->Merge();
  }
  OptimizerSnapshot weights;
  weights.p.assign(opened.network->parameters(),
                   opened.network->parameters() + opened.network->layout().size);
  BRAID_RETURN_IF_ERROR(WriteCheckpoint(words[3], opened.network->spec(), opened.network->layout(),
                                        weights, {}, "",
                                        /*optimizer=*/false));
  BRAID_RETURN_IF_ERROR(CopyFile(arguments.Get("tokenizer", JoinPath(words[1], "tokenizer.json")),
                                 JoinPath(words[3], "tokenizer.json")));
  if (arguments.Has("json"))
    std::printf(
        "%s",
        DumpJson({{"folder", words[3]}, {"model", model::ToJson(opened.network->spec())}}).c_str());
  return OkStatus();
}

}  // namespace braid::trainer
