#include "trainer/eval/dual_path/dual_intervention.h"

#include <algorithm>
#include <tuple>

#include "base/random.h"
#include "base/text.h"

namespace braid::trainer {
namespace {

constexpr uint64_t kUsualSeed = 42;  // of shuffled gates and of controls

}  // namespace

Json ToJson(const spec::NamedIntervention& named) {
  Json json = {{"name", named.name},
               {"gates", schema::NameOf(named.gates.value_or(spec::GateRule::kLearned))}};
  if (named.gate_values) json["gates"] = *named.gate_values;
  if (named.loops) {
    json["loops"] = *named.loops;
    json["step_feature"] = schema::NameOf(
        named.step_feature.value_or(spec::StepFeature::kRescaled));
  }
  if (named.shuffles_gates())
    json["shuffle"] = schema::NameOf(named.shuffle.value_or(spec::GateShuffle::kIndependent));
  if (named.shuffles_gates() || named.control) json["seed"] = named.seed.value_or(kUsualSeed);
  if (named.early_exit) json["early_exit"] = *named.early_exit;
  if (!named.layers.empty()) json["layers"] = named.layers;
  for (const spec::TokenClass one : named.classes) json["class"].push_back(schema::NameOf(one));
  if (named.classes.size() == 1) json["class"] = json["class"][0];
  if (named.control) json["control"] = true;
  if (named.keep_sum) json["keep_sum"] = true;
  return json;
}

Status CheckFits(const spec::NamedIntervention& named, const model::ModelSpec& spec) {
  std::vector<model::Stack> stacks = spec.paths;
  stacks.push_back(spec.dense);
  int64_t layers = 0;
  bool gated = spec.large.block->has_gates;
  bool weighs = spec.large.has_deep() && spec.large.dual.mix == model::StepMix::kAct;
  for (const model::Stack& stack : stacks) {
    if (!stack.has_deep()) continue;
    layers = std::max(layers, stack.blocks);
    weighs = weighs || stack.dual.mix == model::StepMix::kAct;
    gated = gated || stack.block->has_gates;
  }
  if (named.changes_gates() && !gated) {
    return InvalidArgument("intervention " + named.name + ": gates: model " + spec.name +
                           " has no dual_path block, and loops have no gates");
  }
  for (const int64_t layer : named.layers) {
    if (layer < layers) continue;
    return InvalidArgument(
        Format("intervention %s: layers: model %s has no loop or dual_path block in layer %lld",
               named.name.c_str(), spec.name.c_str(), static_cast<long long>(layer)));
  }
  if (!named.early_exit || weighs) return OkStatus();
  return InvalidArgument("intervention " + named.name + ": early_exit: model " + spec.name +
                         " has no steps mixed by act");
}

bool Concerns(const spec::NamedIntervention& named, const DualText& text) {
  return std::all_of(named.classes.begin(), named.classes.end(), [&](corpus::TokenClass one) {
    return text.tagged ? !spec::IsUntagged(one) : !spec::IsPartOfSpeech(one);
  });
}

namespace {

// Where the gates of one sequence are set: out[t] for its position t.
void MarkPositions(const spec::NamedIntervention& named, const corpus::TokenClass* classes,
                   size_t sequence, int64_t number, uint8_t* out) {
  std::vector<size_t> inside, outside;
  for (size_t t = 0; t < sequence; ++t) {
    const bool in = std::find(named.classes.begin(), named.classes.end(), classes[t]) !=
                    named.classes.end();
    (in ? inside : outside).push_back(t);
  }
  if (!named.control) {
    for (const size_t t : inside) out[t] = 1;
    return;
  }
  // The draw depends on the classes and the sequence's number, so that a control is the same
  // whatever else is measured.
  std::string draw = "control";
  for (const spec::TokenClass one : named.classes) draw += "/" + schema::NameOf(one);
  const RandomStream stream(named.seed.value_or(kUsualSeed), draw + "/" + std::to_string(number));
  const auto order = Permutation(stream, static_cast<uint32_t>(outside.size()));
  for (size_t i = 0; i < std::min(inside.size(), outside.size()); ++i) out[outside[order[i]]] = 1;
}

}  // namespace

Intervention ToIntervention(const spec::NamedIntervention& named, const DualText::Batch& batch) {
  Intervention intervention;
  intervention.loops = named.loops.value_or(0);
  intervention.rescales_steps = named.step_feature != spec::StepFeature::kTrained;
  intervention.keep_sum = named.keep_sum;
  intervention.early_exit = named.early_exit.value_or(0);
  intervention.layers = named.layers;
  intervention.seed = named.seed.value_or(kUsualSeed);
  if (named.shuffles_gates()) {
    intervention.shuffle = named.shuffle == spec::GateShuffle::kJoint ? GateShuffle::kJoint
                                                                      : GateShuffle::kIndependent;
  }
  intervention.set_gates = named.sets_gates();
  std::tie(intervention.gate_deep, intervention.gate_wide) = named.set_gates();
  if (named.classes.empty()) return intervention;
  intervention.positions.assign(batch.classes.size(), 0);
  const size_t sequence = batch.classes.size() / static_cast<size_t>(batch.sequences);
  for (int64_t i = 0; i < batch.sequences; ++i) {
    const size_t begin = static_cast<size_t>(i) * sequence;
    MarkPositions(named, batch.classes.data() + begin, sequence, batch.first + i,
                  intervention.positions.data() + begin);
  }
  return intervention;
}

}  // namespace braid::trainer
