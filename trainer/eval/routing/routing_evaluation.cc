// The part `routing` of an evaluation, which path a composite chooses for prompts and over text,
// and its command.
#include <cstdio>

#include "base/random.h"
#include "base/text.h"
#include "model/tensors.h"
#include "schema/read.h"
#include "trainer/eval/evaluation.h"
#include "trainer/eval/opened_model.h"
#include "trainer/eval/routing/routing.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {
namespace {

// Fixed, so that a repeated analysis of a model with noise gives the same decisions.
constexpr uint64_t kRoutingSeed = 42;

RoutedModel RoutedModelOf(Network& network) {
  const model::ModelSpec& spec = network.spec();
  RoutedModel model;
  model.has_router = spec.chooses();
  model.noisy = IsNoisy(spec);
  model.choices = static_cast<int64_t>(spec.paths.size()) + (model.has_router ? 1 : 0);
  model.max_positions = spec.arch.rope_max_pos;
  model.trace = [&network](const int32_t* ids, int64_t batch, int64_t sequence) {
    return network.Routing(ids, batch, sequence);
  };
  return model;
}

Status CheckRouting(const model::ModelSpec& model, const SharedTokenizer& tokenizer,
                    const spec::RoutingSettings& settings, const std::string& path,
                    const std::vector<corpus::Shards>& shards, int64_t sequence) {
  if (model::DecidingLayers(model) == 0) {
    return InvalidArgument("model " + model.name + " makes no routing decisions; " + path +
                           " is for composites with a router, and for share of paths of one width "
                           "and two layers or more");
  }
  BRAID_ASSIGN_OR_RETURN(const RoutingPlan plan,
                         RoutingPlan::Of(settings, path, static_cast<int64_t>(model.paths.size())));
  corpus::Encoder encoder(tokenizer);
  for (const spec::RoutingPrompt& prompt : plan.prompts) {
    BRAID_RETURN_IF_ERROR(EncodeRoutingPrompt(prompt, encoder, model.arch.rope_max_pos).status());
  }
  if (plan.sequences == 0) return OkStatus();
  for (const corpus::Shards& set : shards) BRAID_RETURN_IF_ERROR(CheckSetAside(set, sequence));
  for (const auto& [corpus, correct] : plan.corpora) {
    bool there = false;
    for (const corpus::Shards& set : shards) there |= set.corpus == corpus;
    if (!there) return InvalidArgument(path + ".corpora: there is no input data." + corpus);
  }
  return OkStatus();
}

// The prompts, and with `sequences` every token of so many held-out sequences of each of `shards`.
// kInvalidArgument for a model without decisions: a dense one, connect: slice, a router `none`, or
// share of a single layer or of paths of unequal width, whose outputs do not compare.
Result<Json> MeasureRouting(Network& network, const SharedTokenizer& tokenizer,
                            const spec::RoutingSettings& settings, const std::string& path,
                            const std::vector<corpus::Shards>& shards, int64_t sequence,
                            const MeasureHooks& hooks) {
  BRAID_RETURN_IF_ERROR(CheckRouting(network.spec(), tokenizer, settings, path, shards, sequence));
  BRAID_ASSIGN_OR_RETURN(
      const RoutingPlan plan,
      RoutingPlan::Of(settings, path, static_cast<int64_t>(network.spec().paths.size())));
  const RoutedModel model = RoutedModelOf(network);
  corpus::Encoder encoder(tokenizer);
  BRAID_ASSIGN_OR_RETURN(Json json, hooks.once("routing/prompts", [&] {
    network.SetEvaluationSeed(kRoutingSeed);
    return RoutePrompts(plan.prompts, encoder, model);
  }));
  json["noise"] = model.noisy;
  if (!plan.prompts.empty()) json["prompt_set"] = plan.own_prompts ? "own" : "default";
  if (plan.sequences == 0) return json;
  int64_t done = 0;
  for (const corpus::Shards& set : shards) {
    const auto correct = plan.corpora.find(set.corpus);
    BRAID_ASSIGN_OR_RETURN(json["text"][set.corpus], hooks.once("routing/text/" + set.corpus, [&] {
      network.SetEvaluationSeed(RandomStream(kRoutingSeed, "routing/" + set.corpus).Bits(0));
      return RouteText(set, sequence, plan.sequences,
                       correct == plan.corpora.end() ? 0 : correct->second, model);
    }));
    if (hooks.report)
      BRAID_RETURN_IF_ERROR(
          hooks.report("routing", "corpora", ++done, static_cast<int64_t>(shards.size())));
  }
  return json;
}

class RoutingEvaluation final : public Evaluation {
 public:
  explicit RoutingEvaluation(spec::RoutingSettings settings) : settings_(std::move(settings)) {}

  bool reads_shards() const override { return true; }
  // The settings number the paths of a model, so they can only be checked here, where the model is
  // known.
  Status Open(const EvaluationInputs& inputs) override {
    tokenizer_ = inputs.tokenizer;
    shards_ = &inputs.shards;
    sequence_ = inputs.sequence;
    return CheckRouting(inputs.model, tokenizer_, settings_, kPath, *shards_, sequence_);
  }
  Result<Json> Measure(EvaluationRun& run) override {
    return MeasureRouting(run.network, tokenizer_, settings_, kPath, *shards_, sequence_,
                          run.hooks);
  }

 private:
  static constexpr const char* kPath = "spec.routing";

  const spec::RoutingSettings settings_;
  SharedTokenizer tokenizer_;
  const std::vector<corpus::Shards>* shards_ = nullptr;
  int64_t sequence_ = 0;
};

std::unique_ptr<Evaluation> MakeRouting(const spec::EvaluateTask& task) {
  return task.routing ? std::make_unique<RoutingEvaluation>(*task.routing) : nullptr;
}

void PrintShares(const std::string& what, const Json& tally, const model::ModelSpec& model) {
  std::string line;
  for (size_t c = 0; c < tally["shares"].size(); ++c) {
    line += Format("  %s %.1f %%",
                   c < model.paths.size() ? model.paths[c].name.c_str() : "combined",
                   tally["shares"][c].get<double>());
  }
  if (tally.contains("correct") && tally["correct"].is_number())
    line += Format("  right %.1f %%", tally["correct"].get<double>());
  std::printf("%-28s%s  of %lld decisions\n", what.c_str(), line.c_str(),
              (long long)tally["decisions"].get<int64_t>());
}

// Prints the results of one pass, or of both passes for a model that draws noise in evaluation.
void PrintPasses(const std::string& what, const Json& tally, const Json& clean, const Json& routing,
                 const model::ModelSpec& model) {
  if (tally.is_null()) return;
  const bool noisy = routing["noise"].get<bool>();
  PrintShares(noisy ? what + ", with noise" : what, tally, model);
  if (noisy) PrintShares(what + ", without noise", clean, model);
}

Status RoutingCommand(const Arguments& arguments) {
  if (arguments.positional().size() < 2)
    return InvalidArgument("routing takes a checkpoint folder, and folders of shards if it wants");
  BRAID_ASSIGN_OR_RETURN(const Json spec, SpecFileOf(arguments));
  BRAID_ASSIGN_OR_RETURN(const auto settings,
                         schema::FromJson<spec::RoutingSettings>(spec, "routing"));
  BRAID_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments));
  BRAID_ASSIGN_OR_RETURN(const auto shards, OpenNamedShards(arguments, opened.network->spec()));
  BRAID_ASSIGN_OR_RETURN(
      const Json routing,
      MeasureRouting(*opened.network, opened.tokenizer, settings, "routing", shards,
                     opened.network->spec().sequence, {.report = OnStandardError()}));
  if (arguments.Has("json")) {
    std::printf("%s", DumpJson(routing).c_str());
    return OkStatus();
  }
  const model::ModelSpec& model = opened.network->spec();
  PrintPasses("prompts", routing.value("summary", Json()), routing.value("clean", Json()), routing,
              model);
  // A named variable, because items() refers to it while the loop runs.
  const Json text = routing.value("text", Json::object());
  for (const auto& [corpus, tally] : text.items())
    PrintPasses(corpus, tally, tally.value("clean", Json()), routing, model);
  return OkStatus();
}

}  // namespace

EvaluationKind RoutingKind() {
  return {"routing",
          &MakeRouting,
          {"routing",
           "braid-trainer routing FOLDER [SHARDS...] which path a composite chooses, for prompts "
           "and over what was set aside\n"
           "    [--spec FILE.json] [--tokenizer FILE] [--threads 2] [--json]   (spec: `routing` of "
           "docs/tasks.md)\n",
           {"spec", "tokenizer", "threads"},
           &RoutingCommand}};
}

}  // namespace braid::trainer
