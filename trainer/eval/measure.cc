#include "trainer/eval/measure.h"

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "model/tensors.h"
#include "trainer/eval/blimp/blimp.h"
#include "trainer/eval/glue/glue.h"
#include "trainer/eval/glue/lora_classifier.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

const std::vector<uint64_t> kNoiseSeeds = {1, 2, 3, 4, 5};  // PaPaformer 8.1: five are averaged
constexpr uint64_t kRoutingSeed = 42;

Status CheckLength(const model::ModelSpec& model, const GlueSettings& settings) {
  if (model.arch.rope_max_pos == 0 || settings.length <= model.arch.rope_max_pos) return OkStatus();
  return InvalidArgument(Format("glue.length is %lld, above the %lld positions of model %s",
                                (long long)settings.length, (long long)model.arch.rope_max_pos,
                                model.name.c_str()));
}

bool IsRouted(const model::ModelSpec& spec) {
  return spec.kind == model::Kind::kComposite && spec.connection.kind == "routed" &&
         spec.connection.router.kind != "none";
}

RoutedModel RoutedModelOf(Network& network) {
  const model::ModelSpec& spec = network.spec();
  RoutedModel model;
  model.has_router = IsRouted(spec);
  model.noisy = IsNoisy(spec);
  model.choices = static_cast<int64_t>(spec.paths.size()) + (model.has_router ? 1 : 0);
  model.max_positions = spec.arch.rope_max_pos;
  model.trace = [&network](const int32_t* ids, int64_t batch, int64_t sequence) {
    return network.Routing(ids, batch, sequence);
  };
  return model;
}

}  // namespace

bool IsNoisy(const model::ModelSpec& spec) {
  return spec.kind == model::Kind::kComposite && spec.connection.kind == "routed" &&
         spec.connection.router.kind == "gumbel" && spec.arch.router_noise == "always";
}

Status CheckBlimp(const std::string& folder, int64_t pairs) {
  return ReadBlimp(folder, pairs).status();
}

Status CheckGlue(const model::ModelSpec& model, const GlueFolders& folders,
                 const GlueSettings& settings) {
  BRAID_RETURN_IF_ERROR(CheckLength(model, settings));
  return CheckGlueFiles(folders, settings);
}

Status CheckRouting(const model::ModelSpec& model, const SharedTokenizer& tokenizer,
                    const Json& spec, const std::string& path,
                    const std::vector<corpus::Shards>& shards, int64_t sequence) {
  if (model::DecidingLayers(model) == 0) {
    return InvalidArgument("model " + model.name + " makes no routing decisions; " + path +
                           " is for composites with a router, and for share of paths of one width "
                           "and two layers or more");
  }
  BRAID_ASSIGN_OR_RETURN(
      const RoutingSettings settings,
      RoutingSettingsFromJson(spec, path, static_cast<int64_t>(model.paths.size())));
  corpus::Encoder encoder(tokenizer);
  for (const RoutingPrompt& prompt : settings.prompts) {
    BRAID_RETURN_IF_ERROR(EncodeRoutingPrompt(prompt, encoder, model.arch.rope_max_pos).status());
  }
  if (settings.sequences == 0) return OkStatus();
  for (const corpus::Shards& set : shards) BRAID_RETURN_IF_ERROR(CheckSetAside(set, sequence));
  for (const auto& [corpus, correct] : settings.corpora) {
    bool there = false;
    for (const corpus::Shards& set : shards) there |= set.corpus == corpus;
    if (!there) return InvalidArgument(path + ".corpora: there is no input data." + corpus);
  }
  return OkStatus();
}

Result<Json> MeasureBlimp(Network& network, const SharedTokenizer& tokenizer,
                          const std::string& folder, int64_t pairs, const MeasureHooks& hooks) {
  BRAID_ASSIGN_OR_RETURN(const std::vector<Paradigm> paradigms, ReadBlimp(folder, pairs));
  BlimpOptions options;
  if (IsNoisy(network.spec())) options.noise_seeds = kNoiseSeeds;
  options.begin_noise = [&](uint64_t seed, const std::string& paradigm) {
    network.SetEvaluationSeed(RandomStream(seed, "blimp/" + paradigm).Bits(0));
  };
  options.once = hooks.once;
  options.max_positions = network.spec().arch.rope_max_pos;
  options.progress = [&](int64_t done, int64_t total) {
    return hooks.report ? hooks.report("blimp", "paradigms", done, total) : OkStatus();
  };
  const TokenScorer scorer = [&](const int32_t* ids, const int32_t* labels, int64_t batch,
                                 int64_t sequence) {
    return network.TokenLogProbabilities(ids, labels, batch, sequence);
  };
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(const BlimpResult result,
                         RunBlimp(paradigms, *tokenizer, encoder, scorer, options));
  return ToJson(result);
}

Result<Json> MeasureGlue(Network& network, const SharedTokenizer& tokenizer,
                         const GlueFolders& folders, const GlueSettings& settings,
                         const std::string& adapters, const MeasureHooks& hooks) {
  BRAID_RETURN_IF_ERROR(CheckLength(network.spec(), settings));
  LoraClassifier classifier(network, settings);
  GlueHooks of_glue;
  of_glue.once = hooks.once;
  of_glue.progress = [&](const std::string& what, int64_t done, int64_t total) {
    return hooks.report ? hooks.report(what, "steps", done, total) : OkStatus();
  };
  of_glue.trained = [&](const std::string& task, uint64_t seed) -> Status {
    if (adapters.empty()) return OkStatus();
    return classifier.lora().Save(
        JoinPath(JoinPath(adapters, task), "seed-" + std::to_string(seed)));
  };
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(const GlueResult result,
                         RunGlue(folders, settings, *tokenizer, encoder, classifier, of_glue));
  return ToJson(result);
}

Result<Json> MeasureRouting(Network& network, const SharedTokenizer& tokenizer, const Json& spec,
                            const std::string& path, const std::vector<corpus::Shards>& shards,
                            int64_t sequence, const MeasureHooks& hooks) {
  BRAID_RETURN_IF_ERROR(CheckRouting(network.spec(), tokenizer, spec, path, shards, sequence));
  BRAID_ASSIGN_OR_RETURN(
      const RoutingSettings settings,
      RoutingSettingsFromJson(spec, path, static_cast<int64_t>(network.spec().paths.size())));
  const RoutedModel model = RoutedModelOf(network);
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(Json json, hooks.once("routing/prompts", [&] {
    network.SetEvaluationSeed(kRoutingSeed);
    return RoutePrompts(settings.prompts, encoder, model);
  }));
  json["noise"] = model.noisy;
  if (!settings.prompts.empty()) json["prompt_set"] = settings.own_prompts ? "own" : "default";
  if (settings.sequences == 0) return json;
  int64_t done = 0;
  for (const corpus::Shards& set : shards) {
    const auto correct = settings.corpora.find(set.corpus);
    BRAID_ASSIGN_OR_RETURN(json["text"][set.corpus], hooks.once("routing/text/" + set.corpus, [&] {
      network.SetEvaluationSeed(RandomStream(kRoutingSeed, "routing/" + set.corpus).Bits(0));
      return RouteText(set, sequence, settings.sequences,
                       correct == settings.corpora.end() ? 0 : correct->second, model);
    }));
    if (hooks.report)
      BRAID_RETURN_IF_ERROR(
          hooks.report("routing", "corpora", ++done, static_cast<int64_t>(shards.size())));
  }
  return json;
}

}  // namespace braid::trainer
