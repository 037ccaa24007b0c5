#include "trainer/eval/dual_path/dual_intervention.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/random.h"
#include "base/text.h"

namespace braid::trainer {
namespace {

const std::map<std::string, std::pair<double, double>>& NamedGates() {
  static const std::map<std::string, std::pair<double, double>> gates = {
      {"deep", {1, 0}}, {"wide", {0, 1}}, {"uniform", {0.5, 0.5}}, {"open", {1, 1}}};
  return gates;
}

std::vector<int64_t> ReadLayers(JsonReader& read) {
  const Json& layers = read.Value("layers");
  if (layers.is_null()) return {};
  const auto is_layer = [](const Json& layer) {
    return layer.is_number_integer() && layer.get<int64_t>() >= 0;
  };
  if (layers.is_array() && !layers.empty() && std::all_of(layers.begin(), layers.end(), is_layer))
    return layers;
  read.Fail("layers", "expected a list of whole numbers of at least 0");
  return {};
}

// "deep", or two numbers.
void ReadGates(JsonReader& read, NamedIntervention* named) {
  const Json& gates = read.Value("gates");
  if (!gates.is_array()) {
    named->gates = read.Choice("gates", named->gates,
                               {"learned", "deep", "wide", "uniform", "open", "shuffled"});
    if (const auto found = NamedGates().find(named->gates); found != NamedGates().end()) {
      std::tie(named->gate_deep, named->gate_wide) = found->second;
    }
    return;
  }
  const auto is_gate = [](const Json& gate) {
    return gate.is_number() && gate.get<double>() >= 0 && gate.get<double>() <= 1;
  };
  if (gates.size() != 2 || !is_gate(gates[0]) || !is_gate(gates[1]))
    return read.Fail("gates", "expected two numbers from 0 to 1, g_d and g_w");
  named->gates = "values";
  named->gate_deep = gates[0].get<double>();
  named->gate_wide = gates[1].get<double>();
}

// "NUM", or a list of such.
std::vector<corpus::TokenClass> ReadClasses(JsonReader& read) {
  const Json& value = read.Value("class");
  if (value.is_null()) return {};
  std::vector<corpus::TokenClass> classes;
  const Json list = value.is_array() ? value : Json::array({value});
  for (const Json& name : list) {
    const auto found = name.is_string() ? corpus::TokenClassOfName(name.get<std::string>())
                                        : std::nullopt;
    if (found.has_value()) {
      classes.push_back(*found);
    } else {
      read.Fail("class", "there is no class " + name.dump());
    }
  }
  if (classes.empty()) read.Fail("class", "must name at least one class");
  return classes;
}

void CheckFields(JsonReader& read, const NamedIntervention& named) {
  if (!(named.early_exit >= 0 && named.early_exit <= 1))
    read.Fail("early_exit", "must be from 0 to 1");
  const bool changes = named.loops > 0 || named.early_exit > 0 || named.gates != "learned";
  if (!changes) read.Fail("name", "changes nothing; give loops, gates or early_exit");
  if (read.Has("step_feature") && named.loops == 0)
    read.Fail("step_feature", "is of forced steps; give loops too");
  if (read.Has("shuffle") && named.gates != "shuffled")
    read.Fail("shuffle", "is of gates: shuffled");
  for (const char* key : {"class", "keep_sum"}) {
    if (read.Has(key) && !named.sets_gates())
      read.Fail(key, "is of gates that are set: deep, wide, uniform, open or two numbers");
  }
  if (read.Has("seed") && named.gates != "shuffled" && !named.control)
    read.Fail("seed", "is of gates: shuffled or of control");
  if (named.seed < 0) read.Fail("seed", "must not be negative");
  if (named.loops < 0) read.Fail("loops", "must not be negative");
  if (named.control && named.classes.empty()) read.Fail("control", "is of a class; give class too");
  if (named.keep_sum && named.gate_deep + named.gate_wide <= 0)
    read.Fail("keep_sum", "gates of 0 have no sum that could be scaled");
}

}  // namespace

Result<NamedIntervention> InterventionFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  NamedIntervention named;
  named.name = read.RequireString("name");
  named.loops = read.Int("loops", 0);
  ReadGates(read, &named);
  named.classes = ReadClasses(read);
  named.control = read.Bool("control", false);
  named.keep_sum = read.Bool("keep_sum", false);
  named.step_feature = read.Choice("step_feature", named.step_feature, {"rescaled", "trained"});
  named.shuffle = read.Choice("shuffle", named.shuffle, {"independent", "joint"});
  named.early_exit = read.Double("early_exit", 0);
  named.layers = ReadLayers(read);
  named.seed = read.Int("seed", named.seed);
  CheckFields(read, named);
  BRAID_RETURN_IF_ERROR(read.Finish());
  return named;
}

Json ToJson(const NamedIntervention& named) {
  Json json = {{"name", named.name}, {"gates", named.gates}};
  if (named.gates == "values") json["gates"] = {named.gate_deep, named.gate_wide};
  if (named.loops > 0) {
    json["loops"] = named.loops;
    json["step_feature"] = named.step_feature;
  }
  if (named.gates == "shuffled") json["shuffle"] = named.shuffle;
  if (named.gates == "shuffled" || named.control) json["seed"] = named.seed;
  if (named.early_exit > 0) json["early_exit"] = named.early_exit;
  if (!named.layers.empty()) json["layers"] = named.layers;
  for (const corpus::TokenClass one : named.classes)
    json["class"].push_back(corpus::TokenClassName(one));
  if (named.classes.size() == 1) json["class"] = json["class"][0];
  if (named.control) json["control"] = true;
  if (named.keep_sum) json["keep_sum"] = true;
  return json;
}

Status CheckFits(const NamedIntervention& named, const model::ModelSpec& spec) {
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
  if (named.gates != "learned" && !gated) {
    return InvalidArgument("intervention " + named.name + ": gates: model " + spec.name +
                           " has no dual_path block, and loops have no gates");
  }
  for (const int64_t layer : named.layers) {
    if (layer < layers) continue;
    return InvalidArgument(
        Format("intervention %s: layers: model %s has no loop or dual_path block in layer %lld",
               named.name.c_str(), spec.name.c_str(), static_cast<long long>(layer)));
  }
  if (named.early_exit == 0 || weighs) return OkStatus();
  return InvalidArgument("intervention " + named.name + ": early_exit: model " + spec.name +
                         " has no steps mixed by act");
}

bool Concerns(const NamedIntervention& named, const DualText& text) {
  return std::all_of(named.classes.begin(), named.classes.end(), [&](corpus::TokenClass one) {
    const bool coarse = static_cast<int>(one) < corpus::kCoarseClasses;
    return text.tagged ? one != corpus::TokenClass::kWord && one != corpus::TokenClass::kOther
                       : coarse;
  });
}

namespace {

// Where the gates of one sequence are set: out[t] for its position t.
void MarkPositions(const NamedIntervention& named, const corpus::TokenClass* classes,
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
  std::string draw = "control";
  for (const corpus::TokenClass one : named.classes)
    draw += std::string("/") + corpus::TokenClassName(one);
  const RandomStream stream(static_cast<uint64_t>(named.seed), draw + "/" + std::to_string(number));
  const auto order = Permutation(stream, static_cast<uint32_t>(outside.size()));
  for (size_t i = 0; i < std::min(inside.size(), outside.size()); ++i) out[outside[order[i]]] = 1;
}

}  // namespace

Intervention ToIntervention(const NamedIntervention& named, const DualText::Batch& batch) {
  Intervention intervention;
  intervention.loops = named.loops;
  intervention.rescales_steps = named.step_feature != "trained";
  intervention.keep_sum = named.keep_sum;
  intervention.early_exit = named.early_exit;
  intervention.layers = named.layers;
  intervention.seed = static_cast<uint64_t>(named.seed);
  if (named.gates == "shuffled") {
    intervention.shuffle = named.shuffle == "joint" ? GateShuffle::kJoint
                                                    : GateShuffle::kIndependent;
  }
  intervention.set_gates = named.sets_gates();
  intervention.gate_deep = named.gate_deep;
  intervention.gate_wide = named.gate_wide;
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
