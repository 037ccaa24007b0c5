#include "trainer/eval/evaluate.h"

#include <cmath>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "corpus/lines.h"
#include "trainer/eval/dual_analysis.h"
#include "trainer/eval/glue/tasks/tasks.h"
#include "trainer/eval/measure.h"
#include "trainer/eval/sample.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/inputs.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

Result<Json> Losses(const task::Task& task, const Json& spec, int64_t sequence, const std::string& digest, Network& network) {
  JsonReader read(spec, "spec.loss");
  ValidationSpec validation;
  validation.sequence = sequence;
  validation.sequences = read.Int("sequences", 0);
  validation.average = read.Choice("average", validation.average, {"token_mean", "batch_mean"});
  validation.last_label = read.Choice("last_label", validation.last_label, {"ignore", "copy_input"});
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(const std::vector<corpus::Shards> shards, OpenShards(task, digest));
  std::vector<const corpus::Shards*> sets;
  for (const corpus::Shards& shard : shards) sets.push_back(&shard);
  if (sets.empty()) return InvalidArgument("job " + task.job + ": spec.loss needs inputs data.<corpus>");
  const auto alone = LocalCollective();
  BRAID_ASSIGN_OR_RETURN(const auto losses, ValidationLosses(network, sets, validation, *alone));
  Json json = Json::object();
  for (const auto& [corpus, loss] : losses) {
    if (!std::isfinite(loss.mean)) {
      return InvalidArgument("model " + network.spec().name + " has a loss that is not finite on " + corpus);
    }
    json[corpus] = {{"loss", loss.mean}, {"perplexity", std::exp(loss.mean)}, {"tokens", loss.targets}};
    if (validation.last_label != "ignore") json[corpus]["loss_ignore_last"] = loss.mean_ignore_last;
  }
  return json;
}

// One prompt a line; empty lines are none.
Status AddPrompts(const task::Task& task, const std::string& file, std::vector<std::string>* prompts) {
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("prompts"));
  const std::string path = JoinPath(folder, file);
  const size_t before = prompts->size();
  BRAID_RETURN_IF_ERROR(corpus::ReadLines(path, [&](std::string_view line, int64_t) {
    if (!line.empty()) prompts->emplace_back(line);
    return OkStatus();
  }));
  return prompts->size() > before ? OkStatus() : InvalidArgument(path + ": no prompt in this file; write one a line");
}

// With the prompts of the file, and each checked.
Result<SampleSettings> ReadSamples(const task::Task& task, const Json& spec, const model::ModelSpec& model,
                                   const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder) {
  BRAID_ASSIGN_OR_RETURN(SampleSettings settings, SampleSettingsFromJson(spec, "spec.generate"));
  if (!settings.file.empty()) BRAID_RETURN_IF_ERROR(AddPrompts(task, settings.file, &settings.prompts));
  if (settings.prompts.empty()) return InvalidArgument("spec.generate.prompts: give at least one, or file");
  for (const std::string& prompt : settings.prompts) {
    BRAID_RETURN_IF_ERROR(EncodePrompt(model, tokenizer, encoder, prompt, settings.tokens).status());
  }
  return settings;
}

Result<Json> Samples(const SampleSettings& settings, const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder, Network& network,
                     task::Channel& channel) {
  Json json = Json::array();
  for (size_t i = 0; i < settings.prompts.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(const Sample sample, Generate(network, tokenizer, encoder, settings.prompts[i], settings, i));
    Json next = Json::array();
    for (const auto& [token, probability] : sample.next) next.push_back({{"token", token}, {"probability", probability}});
    json.push_back({{"prompt", sample.prompt}, {"text", sample.text}, {"next", next}});
    channel.Progress("generating", "prompts", static_cast<int64_t>(i) + 1, static_cast<int64_t>(settings.prompts.size()));
  }
  return json;
}

Result<Json> Dual(const task::Task& task, const Json& spec, int64_t sequence, const corpus::Tokenizer& tokenizer, Network& network) {
  BRAID_ASSIGN_OR_RETURN(const DualAnalysis analysis, DualAnalysisFromJson(spec, "spec.dual"));
  BRAID_ASSIGN_OR_RETURN(const std::vector<corpus::Shards> shards, OpenShards(task, tokenizer.digest()));
  if (shards.empty()) return InvalidArgument("job " + task.job + ": spec.dual needs inputs data.<corpus>");
  std::vector<const corpus::Shards*> sets;
  for (const corpus::Shards& shard : shards) sets.push_back(&shard);
  return AnalyseDual(network, analysis, sets, sequence, corpus::ClassesOf(tokenizer));
}

ProgressReport OnChannel(task::Channel& channel) {
  return [&channel](std::string_view phase, std::string_view unit, int64_t done, int64_t total) {
    channel.Progress(phase, unit, done, total);
    return channel.stop_requested() ? Cancelled("stopped while measuring " + std::string(phase)) : OkStatus();
  };
}

// A suite of which no task is wanted needs no input.
Result<GlueFolders> FoldersOf(const task::Task& task, const GlueSettings& settings) {
  GlueFolders folders;
  for (const std::string& name : settings.tasks) {
    BRAID_ASSIGN_OR_RETURN(const GlueTask* wanted, FindGlueTask(name));
    const bool glue = wanted->suite == "glue";
    BRAID_ASSIGN_OR_RETURN((glue ? folders.glue : folders.superglue), task.Input(glue ? "glue" : "superglue"));
  }
  return folders;
}

// The parts that measure.h does, as the spec wants them. What can be wrong with fields and files is found at once.
class Measures {
 public:
  static Result<Measures> Read(const task::Task& task, JsonReader& spec) {
    Measures measures;
    if (const Json& blimp = spec.Value("blimp"); !blimp.is_null()) {
      JsonReader read(blimp, "spec.blimp");
      measures.pairs_ = read.Int("pairs", 0);
      if (measures.pairs_ < 0) read.Fail("pairs", "must not be negative");
      BRAID_RETURN_IF_ERROR(read.Finish());
      BRAID_ASSIGN_OR_RETURN(measures.blimp_, task.Input("blimp"));
      BRAID_RETURN_IF_ERROR(CheckBlimp(measures.blimp_, measures.pairs_));
    }
    if (const Json& glue = spec.Value("glue"); !glue.is_null()) {
      BRAID_ASSIGN_OR_RETURN(measures.settings_, GlueSettingsFromJson(glue, "spec.glue"));
      BRAID_ASSIGN_OR_RETURN(measures.glue_, FoldersOf(task, *measures.settings_));
    }
    measures.routing_ = spec.Value("routing");
    return measures;
  }

  Status Check(const task::Task& task, const model::ModelSpec& model) {
    if (settings_) BRAID_RETURN_IF_ERROR(CheckGlue(model, glue_, *settings_));
    if (routing_.is_null()) return OkStatus();
    BRAID_ASSIGN_OR_RETURN(shards_, OpenShards(task, model.tokenizer));
    return CheckRouting(model, routing_, "spec.routing", shards_);
  }

  // Adds "blimp", "glue" and "routing" to `evaluation`, and what people want of them to `summary`.
  Status Run(const task::Task& task, int64_t sequence, const SharedTokenizer& tokenizer, Network& network,
             task::Channel& channel, Json* evaluation, Json* summary) const {
    const ProgressReport report = OnChannel(channel);
    if (!routing_.is_null()) {
      BRAID_ASSIGN_OR_RETURN((*evaluation)["routing"],
                             MeasureRouting(network, tokenizer, routing_, "spec.routing", shards_, sequence, report));
    }
    if (!blimp_.empty()) {
      BRAID_ASSIGN_OR_RETURN((*evaluation)["blimp"], MeasureBlimp(network, tokenizer, blimp_, pairs_, report));
      (*summary)["blimp"] = (*evaluation)["blimp"]["mean"];
    }
    if (!settings_) return OkStatus();
    const std::string adapters = settings_->adapters ? JoinPath(task.output, "adapters") : "";
    BRAID_ASSIGN_OR_RETURN((*evaluation)["glue"], MeasureGlue(network, tokenizer, glue_, *settings_, adapters, report));
    if (settings_->adapters) channel.AddOutput("adapters", "adapters", "adapters", {{"model", network.spec().name}});
    for (const char* suite : {"glue", "superglue"}) {
      if ((*evaluation)["glue"].contains(suite)) (*summary)[suite] = (*evaluation)["glue"][suite];
    }
    return OkStatus();
  }

 private:
  std::string blimp_;  // folder; empty: not asked for
  int64_t pairs_ = 0;
  std::optional<GlueSettings> settings_;
  GlueFolders glue_;
  Json routing_;
  std::vector<corpus::Shards> shards_;  // of routing
};

}  // namespace

Status RunEvaluateJob(const task::Task& task, task::Channel& channel) {
  ConfigureRuntime(task.threads);
  JsonReader read(task.spec, "spec");
  const std::string name = read.RequireString("name");
  const int64_t sequence = read.Int("sequence", 256);
  const Json& loss = read.Value("loss");
  const Json& generate = read.Value("generate");
  const Json& dual = read.Value("dual");
  BRAID_ASSIGN_OR_RETURN(Measures measures, Measures::Read(task, read));
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, OpenTokenizer(task));
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("model"));
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, task.device));
  if (network->spec().tokenizer != tokenizer->digest()) {
    return InvalidArgument("model " + network->spec().name + " was trained with tokenizer " +
                           network->spec().tokenizer.substr(0, 12) + ", the job has " + tokenizer->digest().substr(0, 12));
  }
  if (const int64_t limit = network->spec().arch.rope_max_pos; limit > 0 && sequence > limit) {
    return InvalidArgument(Format("spec.sequence: %lld is above the %lld positions of model %s", (long long)sequence,
                                  (long long)limit, network->spec().name.c_str()));
  }
  BRAID_RETURN_IF_ERROR(measures.Check(task, network->spec()));
  corpus::Encoder encoder(tokenizer);
  SampleSettings samples;
  if (!generate.is_null()) {
    BRAID_ASSIGN_OR_RETURN(samples, ReadSamples(task, generate, network->spec(), *tokenizer, encoder));
  }
  Json evaluation = {{"name", name},
                     {"model", {{"kind", network->spec().kind == model::Kind::kDense ? "dense" : "composite"},
                                {"parameters", model::ParameterCount(network->spec())},
                                {"spec", model::ToJson(network->spec())}}},
                     {"loss", Json::object()},
                     {"samples", Json::array()}};
  if (!loss.is_null()) {
    channel.Progress("loss", "steps", 0, 1);
    BRAID_ASSIGN_OR_RETURN(evaluation["loss"], Losses(task, loss, sequence, tokenizer->digest(), *network));
  }
  if (!generate.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation["samples"], Samples(samples, *tokenizer, encoder, *network, channel));
  }
  if (!dual.is_null()) {
    channel.Progress("dual", "steps", 0, 1);
    BRAID_ASSIGN_OR_RETURN(evaluation["dual"], Dual(task, dual, sequence, *tokenizer, *network));
  }
  Json summary = {{"name", name}, {"loss", evaluation["loss"]}};
  BRAID_RETURN_IF_ERROR(measures.Run(task, sequence, tokenizer, *network, channel, &evaluation, &summary));
  const std::string output = JoinPath(task.output, "evaluation");
  BRAID_RETURN_IF_ERROR(MakeFolder(output));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(output, "evaluation.json"), evaluation));
  channel.AddOutput("evaluation", "evaluation", "evaluation", {{"name", name}});
  channel.Succeed(summary);
  return OkStatus();
}

}  // namespace braid::trainer
