#include "trainer/eval/measure.h"

#include "base/file.h"
#include "base/text.h"
#include "trainer/eval/blimp/blimp.h"
#include "trainer/eval/glue/glue.h"
#include "trainer/eval/glue/lora_classifier.h"

namespace braid::trainer {
namespace {

const std::vector<uint64_t> kNoiseSeeds = {1, 2, 3, 4, 5};  // PaPaformer 8.1: five are averaged
constexpr uint64_t kRoutingSeed = 42;

Status CheckLength(const model::ModelSpec& model, const GlueSettings& settings) {
  if (model.arch.rope_max_pos == 0 || settings.length <= model.arch.rope_max_pos) return OkStatus();
  return InvalidArgument(Format("glue.length is %lld, above the %lld positions of model %s", (long long)settings.length,
                                (long long)model.arch.rope_max_pos, model.name.c_str()));
}

bool IsRouted(const model::ModelSpec& spec) {
  return spec.kind == model::Kind::kComposite && spec.connection.kind == "routed" &&
         spec.connection.router.kind != "none";
}

RoutedModel RoutedModelOf(Network& network) {
  const model::ModelSpec& spec = network.spec();
  RoutedModel model;
  model.has_router = IsRouted(spec);
  model.choices = static_cast<int64_t>(spec.paths.size()) + (model.has_router ? 1 : 0);
  model.max_positions = spec.arch.rope_max_pos;
  model.trace = [&network](const int32_t* ids, int64_t batch, int64_t sequence) {
    return network.Routing(ids, batch, sequence);
  };
  return model;
}

}  // namespace

bool IsNoisy(const model::ModelSpec& spec) {
  return spec.kind == model::Kind::kComposite && spec.connection.kind == "routed" && spec.connection.router.kind == "gumbel" &&
         spec.arch.router_noise == "always";
}

Status CheckBlimp(const std::string& folder, int64_t pairs) { return ReadBlimp(folder, pairs).status(); }

Status CheckGlue(const model::ModelSpec& model, const GlueFolders& folders, const GlueSettings& settings) {
  BRAID_RETURN_IF_ERROR(CheckLength(model, settings));
  return CheckGlueFiles(folders, settings);
}

Status CheckRouting(const model::ModelSpec& model, const Json& spec, const std::string& path,
                    const std::vector<corpus::Shards>& shards) {
  const bool share = model.kind == model::Kind::kComposite && model.connection.kind == "share";
  if (!share && !IsRouted(model)) {
    return InvalidArgument("model " + model.name + " makes no routing decisions; " + path +
                           " is for composites with connect: share, or connect: routed with a router");
  }
  BRAID_ASSIGN_OR_RETURN(const RoutingSettings settings,
                         RoutingSettingsFromJson(spec, path, static_cast<int64_t>(model.paths.size())));
  if (settings.sequences == 0) return OkStatus();
  for (const auto& [corpus, correct] : settings.corpora) {
    bool there = false;
    for (const corpus::Shards& set : shards) there |= set.corpus == corpus;
    if (!there) return InvalidArgument(path + ".corpora: there is no input data." + corpus);
  }
  return OkStatus();
}

Result<Json> MeasureBlimp(Network& network, const SharedTokenizer& tokenizer, const std::string& folder, int64_t pairs,
                          const ProgressReport& report) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<Paradigm> paradigms, ReadBlimp(folder, pairs));
  BlimpOptions options;
  if (IsNoisy(network.spec())) options.noise_seeds = kNoiseSeeds;
  options.begin_noise = [&](uint64_t seed) { network.SetEvaluationSeed(seed); };
  options.max_positions = network.spec().arch.rope_max_pos;
  options.progress = [&](int64_t done, int64_t total) {
    return report ? report("blimp", "paradigms", done, total) : OkStatus();
  };
  const TokenScorer scorer = [&](const int32_t* ids, const int32_t* labels, int64_t batch, int64_t sequence) {
    return network.TokenLogProbabilities(ids, labels, batch, sequence);
  };
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(const BlimpResult result, RunBlimp(paradigms, *tokenizer, encoder, scorer, options));
  return ToJson(result);
}

Result<Json> MeasureGlue(Network& network, const SharedTokenizer& tokenizer, const GlueFolders& folders,
                         const GlueSettings& settings, const std::string& adapters, const ProgressReport& report) {
  BRAID_RETURN_IF_ERROR(CheckLength(network.spec(), settings));
  LoraClassifier classifier(network, settings);
  GlueHooks hooks;
  hooks.progress = [&](const std::string& what, int64_t done, int64_t total) {
    return report ? report(what, "steps", done, total) : OkStatus();
  };
  hooks.trained = [&](const std::string& task, uint64_t seed) -> Status {
    if (adapters.empty()) return OkStatus();
    return classifier.lora().Save(JoinPath(JoinPath(adapters, task), "seed-" + std::to_string(seed)));
  };
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(const GlueResult result, RunGlue(folders, settings, *tokenizer, encoder, classifier, hooks));
  return ToJson(result);
}

Result<Json> MeasureRouting(Network& network, const SharedTokenizer& tokenizer, const Json& spec, const std::string& path,
                            const std::vector<corpus::Shards>& shards, int64_t sequence, const ProgressReport& report) {
  BRAID_RETURN_IF_ERROR(CheckRouting(network.spec(), spec, path, shards));
  BRAID_ASSIGN_OR_RETURN(const RoutingSettings settings,
                         RoutingSettingsFromJson(spec, path, static_cast<int64_t>(network.spec().paths.size())));
  const RoutedModel model = RoutedModelOf(network);
  network.SetEvaluationSeed(kRoutingSeed);
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(Json json, RoutePrompts(settings.prompts, encoder, model));
  if (!settings.prompts.empty()) json["prompt_set"] = settings.own_prompts ? "own" : "default";
  if (settings.sequences == 0) return json;
  int64_t done = 0;
  for (const corpus::Shards& set : shards) {
    const auto correct = settings.corpora.find(set.corpus);
    BRAID_ASSIGN_OR_RETURN(json["text"][set.corpus], RouteText(set, sequence, settings.sequences,
                                                               correct == settings.corpora.end() ? 0 : correct->second, model));
    if (report) BRAID_RETURN_IF_ERROR(report("routing", "corpora", ++done, static_cast<int64_t>(shards.size())));
  }
  return json;
}

}  // namespace braid::trainer
