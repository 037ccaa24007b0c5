#include "trainer/eval/evaluate.h"

#include <cmath>

#include "base/file.h"
#include "trainer/eval/sample.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/inputs.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

Result<Json> Losses(const task::Task& task, const Json& spec, int64_t sequence, const std::string& digest, Network& network) {
  JsonReader read(spec, "spec.loss");
  const int64_t sequences = read.Int("sequences", 0);
  (void)read.Choice("average", "token_mean", {"token_mean"});
  (void)read.Choice("last_label", "ignore", {"ignore"});
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(const std::vector<corpus::Shards> shards, OpenShards(task, digest));
  std::vector<const corpus::Shards*> sets;
  for (const corpus::Shards& shard : shards) sets.push_back(&shard);
  if (sets.empty()) return InvalidArgument("job " + task.job + ": spec.loss needs inputs data.<corpus>");
  const auto alone = LocalCollective();
  BRAID_ASSIGN_OR_RETURN(const auto losses, ValidationLosses(network, sets, sequence, sequences, *alone));
  Json json = Json::object();
  for (const auto& [corpus, sum] : losses) {
    const double loss = sum.loss / static_cast<double>(sum.targets);
    if (!std::isfinite(loss)) return InvalidArgument("model " + network.spec().name + " has a loss that is not finite on " + corpus);
    json[corpus] = {{"loss", loss}, {"perplexity", std::exp(loss)}, {"tokens", sum.targets}};
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

}  // namespace

Status RunEvaluateJob(const task::Task& task, task::Channel& channel) {
  ConfigureRuntime(task.threads);
  JsonReader read(task.spec, "spec");
  const std::string name = read.RequireString("name");
  const int64_t sequence = read.Int("sequence", 256);
  const Json& loss = read.Value("loss");
  const Json& generate = read.Value("generate");
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
                                {"parameters", model::ParameterCount(network->spec())},
                                {"spec", model::ToJson(network->spec())}}},
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
  const std::string output = JoinPath(task.output, "evaluation");
  BRAID_RETURN_IF_ERROR(MakeFolder(output));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(output, "evaluation.json"), evaluation));
  channel.AddOutput("evaluation", "evaluation", "evaluation", {{"name", name}});
  channel.Succeed({{"name", name}, {"loss", evaluation["loss"]}});
  return OkStatus();
}

}  // namespace braid::trainer
