#include "trainer/eval/evaluate.h"

#include <cmath>

#include "base/file.h"
#include "trainer/eval/dual_analysis.h"
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
  }
  return json;
}

Result<Json> Samples(const Json& spec, const corpus::Tokenizer& tokenizer, corpus::Encoder& encoder, Network& network,
                     task::Channel& channel) {
  BRAID_ASSIGN_OR_RETURN(const SampleSettings settings, SampleSettingsFromJson(spec, "spec.generate"));
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

Result<Json> Blimp(const task::Task& task, const Json& spec, const SharedTokenizer& tokenizer, Network& network,
                   task::Channel& channel) {
  JsonReader read(spec, "spec.blimp");
  const int64_t pairs = read.Int("pairs", 0);
  if (pairs < 0) read.Fail("pairs", "must not be negative");
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("blimp"));
  return MeasureBlimp(network, tokenizer, folder, pairs, OnChannel(channel));
}

Result<Json> Glue(const task::Task& task, const Json& spec, const SharedTokenizer& tokenizer, Network& network,
                  task::Channel& channel) {
  BRAID_ASSIGN_OR_RETURN(const GlueSettings settings, GlueSettingsFromJson(spec, "spec.glue"));
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("glue"));
  const std::string adapters = settings.adapters ? JoinPath(task.output, "adapters") : "";
  BRAID_ASSIGN_OR_RETURN(const Json json, MeasureGlue(network, tokenizer, folder, settings, adapters, OnChannel(channel)));
  if (settings.adapters) channel.AddOutput("adapters", "adapters", "adapters", {{"model", network.spec().name}});
  return json;
}

Result<Json> Routing(const task::Task& task, const Json& spec, int64_t sequence, const SharedTokenizer& tokenizer,
                     Network& network, task::Channel& channel) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<corpus::Shards> shards, OpenShards(task, tokenizer->digest()));
  return MeasureRouting(network, tokenizer, spec, "spec.routing", shards, sequence, OnChannel(channel));
}

}  // namespace

Status RunEvaluateJob(const task::Task& task, task::Channel& channel) {
  ConfigureRuntime(task.threads);
  JsonReader read(task.spec, "spec");
  const std::string name = read.RequireString("name");
  const int64_t sequence = read.Int("sequence", 256);
  const Json& loss = read.Value("loss");
  const Json& generate = read.Value("generate");
  const Json& dual = read.Value("dual");
  const Json& blimp = read.Value("blimp");
  const Json& glue = read.Value("glue");
  const Json& routing = read.Value("routing");
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer, OpenTokenizer(task));
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("model"));
  BRAID_ASSIGN_OR_RETURN(const auto network, LoadNetwork(folder, task.device));
  if (network->spec().tokenizer != tokenizer->digest()) {
    return InvalidArgument("model " + network->spec().name + " was trained with tokenizer " +
                           network->spec().tokenizer.substr(0, 12) + ", the job has " + tokenizer->digest().substr(0, 12));
  }
  Json evaluation = {{"name", name},
                     {"model", {{"kind", network->spec().kind == model::Kind::kDense ? "dense" : "composite"},
                                {"parameters", model::ParameterCount(network->spec())}}},
                     {"loss", Json::object()},
                     {"samples", Json::array()}};
  if (!loss.is_null()) {
    channel.Progress("loss", "steps", 0, 1);
    BRAID_ASSIGN_OR_RETURN(evaluation["loss"], Losses(task, loss, sequence, tokenizer->digest(), *network));
  }
  if (!generate.is_null()) {
    corpus::Encoder encoder(tokenizer);
    BRAID_ASSIGN_OR_RETURN(evaluation["samples"], Samples(generate, *tokenizer, encoder, *network, channel));
  }
  if (!dual.is_null()) {
    channel.Progress("dual", "steps", 0, 1);
    BRAID_ASSIGN_OR_RETURN(evaluation["dual"], Dual(task, dual, sequence, *tokenizer, *network));
  }
  if (!routing.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation["routing"], Routing(task, routing, sequence, tokenizer, *network, channel));
  }
  if (!blimp.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation["blimp"], Blimp(task, blimp, tokenizer, *network, channel));
  }
  if (!glue.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation["glue"], Glue(task, glue, tokenizer, *network, channel));
  }
  const std::string output = JoinPath(task.output, "evaluation");
  BRAID_RETURN_IF_ERROR(MakeFolder(output));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(output, "evaluation.json"), evaluation));
  channel.AddOutput("evaluation", "evaluation", "evaluation", {{"name", name}});
  Json summary = {{"name", name}, {"loss", evaluation["loss"]}};
  if (!blimp.is_null()) summary["blimp"] = evaluation["blimp"]["mean"];
  for (const char* suite : {"glue", "superglue"}) {
    if (!glue.is_null() && evaluation["glue"].contains(suite)) summary[suite] = evaluation["glue"][suite];
  }
  channel.Succeed(summary);
  return OkStatus();
}

}  // namespace braid::trainer
