#include "recipe/evaluation.h"

#include <algorithm>

#include "base/text.h"
#include "model/tensors.h"

namespace braid::recipe {
namespace {

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

// Interventions on steps are made for the deepest loop of the model. 0: nothing in it loops.
int64_t MostLoops(const model::ModelSpec& spec) {
  int64_t loops = 0;
  for (const model::Stack& stack : StacksOf(spec))
    loops = std::max(loops, stack.has_deep() ? stack.dual.loops : 0);
  return loops;
}

// A task has the file's name in its source.
spec::GenerateSettings GenerateOf(const spec::RecipeGenerate& recipe) {
  spec::GenerateSettings generate;
  static_cast<spec::Sampling&>(generate) = recipe;
  generate.prompts = recipe.prompts;
  if (recipe.prompt_file) {
    const std::string& file = recipe.prompt_file->file;
    generate.file = file.substr(file.rfind('/') + 1);
  }
  return generate;
}

// Both suites are one fine-tuning.
spec::GlueSettings GlueOf(const Evaluation& evaluation) {
  spec::GlueSettings glue;
  if (evaluation.glue) {
    static_cast<spec::FineTuning&>(glue) = *evaluation.glue;
    glue.tasks = evaluation.glue->tasks;
  }
  if (evaluation.superglue) {
    static_cast<spec::FineTuning&>(glue) = *evaluation.superglue;
    const std::vector<std::string>& tasks = evaluation.superglue->tasks;
    glue.tasks.insert(glue.tasks.end(), tasks.begin(), tasks.end());
  }
  return glue;
}

spec::RoutingSettings RoutingOf(const spec::RecipeRouting& recipe, const model::ModelSpec& spec,
                                const std::vector<std::string>& path_corpora) {
  spec::RoutingSettings routing;
  routing.sequences = recipe.sequences;
  if (!recipe.default_prompts) routing.prompts.emplace();  // absent: the trainer takes its own
  for (const spec::RecipeRoutingPrompt& prompt : recipe.prompts) {
    // A prompt for a path that this composite does not have has no correct answer here.
    const int64_t correct = PathNumber(spec, prompt.correct);
    if (correct > 0 && routing.prompts) routing.prompts->push_back({prompt.text, correct});
  }
  for (size_t p = path_corpora.size(); p-- > 0;) {  // of two paths on one corpus the first is the
                                                    // correct one
    if (!path_corpora[p].empty()) routing.corpora[path_corpora[p]] = static_cast<int64_t>(p) + 1;
  }
  for (const auto& [corpus, path] : recipe.correct) {
    if (const int64_t number = PathNumber(spec, path); number > 0) routing.corpora[corpus] = number;
  }
  return routing;
}

}  // namespace

bool Routes(const model::ModelSpec& spec) {
  return model::DecidingLayers(spec) > 0;
}

bool CanBeAnalysed(const model::ModelSpec& spec) {
  return MostLoops(spec) > 0;
}

bool AppliesTo(const spec::NamedIntervention& intervention, const model::ModelSpec& spec) {
  if (MostLoops(spec) == 0) return false;
  if (intervention.changes_gates() && !HasGates(spec)) return false;
  const std::vector<model::Stack> stacks = StacksOf(spec);
  // The large blocks of a composite have no number.
  const size_t numbered = stacks.size() - (spec.kind == model::Kind::kComposite ? 1 : 0);
  int64_t layers = 0;
  bool weighs = false;
  for (size_t i = 0; i < stacks.size(); ++i) {
    if (!stacks[i].has_deep()) continue;
    if (i < numbered) layers = std::max(layers, stacks[i].blocks);
    weighs = weighs || stacks[i].dual.mix == model::StepMix::kAct;
  }
  if (intervention.early_exit && !weighs) return false;
  return std::all_of(intervention.layers.begin(), intervention.layers.end(),
                     [&](int64_t layer) { return layer < layers; });
}

std::optional<spec::DualPathSettings> DualPathOf(const spec::RecipeDualPath& recipe,
                                                 const model::ModelSpec& spec) {
  if (!CanBeAnalysed(spec)) return std::nullopt;
  spec::DualPathSettings dual = recipe;
  for (std::string& file : dual.tagged) file = file.substr(file.rfind('/') + 1);
  if (recipe.published)
    dual.interventions = spec::PublishedInterventions(MostLoops(spec), !dual.tagged.empty());
  std::erase_if(dual.interventions, [&](const spec::NamedIntervention& intervention) {
    return !AppliesTo(intervention, spec);
  });
  return dual;
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

spec::Measurements MeasurementsOf(const Evaluation& evaluation, const model::ModelSpec& spec,
                                  const std::vector<std::string>& path_corpora, bool start) {
  spec::Measurements made;
  if (evaluation.loss) static_cast<spec::RecipeLoss&>(made.loss.emplace()) = *evaluation.loss;
  if (evaluation.generate) made.generate = GenerateOf(*evaluation.generate);
  if (evaluation.blimp) made.blimp = *evaluation.blimp;
  if (evaluation.next_token) made.next_token = *evaluation.next_token;
  // Fine-tuning takes longest of all; a composite before its joint training has it only where
  // asked.
  const bool of_start = (evaluation.glue && evaluation.glue->start) ||
                        (evaluation.superglue && evaluation.superglue->start);
  if ((evaluation.glue || evaluation.superglue) && (!start || of_start))
    made.glue = GlueOf(evaluation);
  if (evaluation.routing && Routes(spec))
    made.routing = RoutingOf(*evaluation.routing, spec, path_corpora);
  if (evaluation.dual) made.dual = DualPathOf(*evaluation.dual, spec);
  return made;
}

}  // namespace braid::recipe
