#include "recipe/evaluation.h"

#include <algorithm>

#include "base/text.h"
#include "model/tensors.h"

namespace braid::recipe {
namespace {

constexpr int64_t kPublishedLoops = 10;  // the table of the dual-path paper goes from 1 to 10

std::vector<model::Stack> StacksOf(const model::ModelSpec& spec) {
  if (spec.kind == model::Kind::kDense) return {spec.dense};
  std::vector<model::Stack> stacks = spec.paths;
  stacks.push_back(spec.large);
  return stacks;
}

bool HasGates(const model::ModelSpec& spec) {
  const std::vector<model::Stack> stacks = StacksOf(spec);
  return std::any_of(stacks.begin(), stacks.end(),
                     [](const model::Stack& stack) { return stack.block->has_gates; });
}

int64_t MostLoops(const model::ModelSpec& spec) {
  int64_t loops = 0;
  for (const model::Stack& stack : StacksOf(spec))
    loops = std::max(loops, stack.has_deep() ? stack.dual.loops : 0);
  return loops;
}

Json RoutingOf(const Routing& routing, const model::ModelSpec& spec,
               const std::vector<std::string>& path_corpora) {
  Json prompts = Json::array(), corpora = Json::object();
  for (const RoutingPrompt& prompt : routing.prompts) {
    // A prompt for a path that this composite does not have has no correct answer here.
    const int64_t correct = PathNumber(spec, prompt.path);
    if (correct > 0) prompts.push_back({{"text", prompt.text}, {"correct", correct}});
  }
  for (size_t p = path_corpora.size(); p-- > 0;) {  // of two paths on one corpus the first is the
                                                    // correct one
    if (!path_corpora[p].empty()) corpora[path_corpora[p]] = p + 1;
  }
  for (const auto& [corpus, path] : routing.correct) {
    if (const int64_t number = PathNumber(spec, path); number > 0) corpora[corpus] = number;
  }
  Json json = {{"sequences", routing.sequences}, {"corpora", corpora}};
  if (!routing.default_prompts)
    json["prompts"] = prompts;  // without the field the trainer takes braid's own
  return json;
}

// A class and its control, as published and with the residual's scale kept: the two effects apart.
void AddClassOverride(const std::string& name, const char* gates,
                      const std::vector<std::string>& classes, Json* all) {
  for (const bool keep_sum : {false, true}) {
    for (const bool control : {false, true}) {
      Json made = {{"name", name + (control ? ", control" : "") + (keep_sum ? ", sum kept" : "")},
                   {"gates", gates},
                   {"class", classes}};
      if (control) made["control"] = true;
      if (keep_sum) made["keep_sum"] = true;
      all->push_back(std::move(made));
    }
  }
}

// Section 7 of the dual-path specification.
Json PublishedInterventions(int64_t loops, bool tagged) {
  Json all = Json::array();
  for (int64_t k = 1; k <= kPublishedLoops; ++k) {
    if (k != loops) all.push_back({{"name", "K = " + std::to_string(k)}, {"loops", k}});
  }
  for (const auto& [name, gates] : {std::pair{"deep only", "deep"},
                                    {"wide only", "wide"},
                                    {"uniform", "uniform"},
                                    {"fully open", "open"},
                                    {"shuffled", "shuffled"}}) {
    all.push_back({{"name", name}, {"gates", gates}});
  }
  AddClassOverride("NUM, SYM wide", "wide", {"NUM", "SYM"}, &all);
  if (tagged)
    AddClassOverride("ADJ, ADV, PART, PRON, VERB deep", "deep",
                     {"ADJ", "ADV", "PART", "PRON", "VERB"}, &all);
  return all;
}

}  // namespace

bool Routes(const model::ModelSpec& spec) {
  return model::DecidingLayers(spec) > 0;
}

bool CanBeAnalysed(const model::ModelSpec& spec) {
  return MostLoops(spec) > 0;
}

bool AppliesTo(const Json& intervention, const model::ModelSpec& spec) {
  if (MostLoops(spec) == 0) return false;
  if (intervention.value("gates", Json("learned")) != "learned" && !HasGates(spec))
    return false;  // a word, or two numbers
  const std::vector<model::Stack> stacks = StacksOf(spec);
  const size_t numbered = stacks.size() - (spec.kind == model::Kind::kComposite ? 1 : 0);  // large
                                                                                           // blocks
                                                                                           // have
                                                                                           // no
                                                                                           // number
  int64_t layers = 0;
  bool weighs = false;
  for (size_t i = 0; i < stacks.size(); ++i) {
    if (!stacks[i].has_deep()) continue;
    if (i < numbered) layers = std::max(layers, stacks[i].blocks);
    weighs = weighs || stacks[i].dual.mix == model::StepMix::kAct;
  }
  if (intervention.contains("early_exit") && !weighs) return false;
  const std::vector<int64_t> wanted = intervention.value("layers", std::vector<int64_t>());
  return std::all_of(wanted.begin(), wanted.end(), [&](int64_t layer) { return layer < layers; });
}

namespace {

Json DualOf(const Evaluation& evaluation, const model::ModelSpec& spec) {
  Json dual = evaluation.dual;
  if (evaluation.published_interventions)
    dual["interventions"] = PublishedInterventions(MostLoops(spec), !evaluation.tagged.empty());
  Json kept = Json::array();
  for (const Json& one : dual["interventions"]) {
    if (AppliesTo(one, spec)) kept.push_back(one);
  }
  dual["interventions"] = kept;
  return dual;
}

}  // namespace

bool Evaluation::any() const {
  return !loss.is_null() || !generate.is_null() || !blimp.is_null() || !glue.is_null() ||
         routing_wanted || !dual.is_null() || !next_token.is_null();
}

int64_t PathNumber(const model::ModelSpec& composite, const std::string& path) {
  for (size_t p = 0; p < composite.paths.size(); ++p) {
    if (composite.paths[p].name == path) return static_cast<int64_t>(p + 1);
  }
  const Result<int64_t> number = ParseInt(path);
  return number.ok() && *number >= 1 && *number <= static_cast<int64_t>(composite.paths.size())
             ? *number
             : 0;
}

Json EvaluationOf(const Evaluation& evaluation, const model::ModelSpec& spec,
                  const std::vector<std::string>& path_corpora, bool start) {
  Json parts = Json::object();
  if (!evaluation.loss.is_null()) parts["loss"] = evaluation.loss;
  if (!evaluation.generate.is_null()) parts["generate"] = evaluation.generate;
  if (!evaluation.blimp.is_null()) parts["blimp"] = evaluation.blimp;
  if (!evaluation.next_token.is_null()) parts["next_token"] = evaluation.next_token;
  if (!evaluation.glue.is_null() && (!start || evaluation.glue_of_start))
    parts["glue"] = evaluation.glue;
  if (evaluation.routing_wanted && Routes(spec))
    parts["routing"] = RoutingOf(evaluation.routing, spec, path_corpora);
  if (!evaluation.dual.is_null() && MostLoops(spec) > 0) parts["dual"] = DualOf(evaluation, spec);
  return parts.empty() ? Json() : parts;
}

}  // namespace braid::recipe
