#include "trainer/eval/dual_analysis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "base/random.h"
#include "base/text.h"
#include "corpus/dataset.h"
#include "trainer/loop/settings.h"

namespace braid::trainer {
namespace {

constexpr int64_t kBatch = 8;
constexpr uint64_t kNoiseSeed = 42;

// Sums of the read-outs of some tokens of one block.
class Means {
 public:
  void Add(const std::string& name, const std::vector<float>& values, const std::vector<size_t>& rows) {
    if (values.empty()) return;
    double& sum = sums_[name];
    for (const size_t row : rows) sum += values[row];
  }
  void Count(size_t tokens) { tokens_ += static_cast<int64_t>(tokens); }
  Json Row(const std::string& place) const {
    Json row = {{"place", place}, {"tokens", tokens_}};
    for (const auto& [name, sum] : sums_) row[name] = sum / static_cast<double>(std::max<int64_t>(1, tokens_));
    return row;
  }
  bool empty() const { return tokens_ == 0; }

 private:
  std::map<std::string, double> sums_;
  int64_t tokens_ = 0;
};

void AddTo(Means& means, const BlockReadout& read, const std::vector<size_t>& rows) {
  means.Count(rows.size());
  means.Add("deep_share", read.deep_share, rows);
  means.Add("cosine", read.cosine, rows);
  means.Add("gate_deep", read.gate_deep, rows);
  means.Add("gate_wide", read.gate_wide, rows);
  means.Add("norm_deep", read.norm_deep, rows);
  means.Add("norm_wide", read.norm_wide, rows);
  means.Add("norm_input", read.norm_input, rows);
  means.Add("expected_steps", read.expected_steps, rows);
  for (size_t k = 0; k < read.step_router.size(); ++k) {
    means.Add("step_router_" + std::to_string(k + 1), read.step_router[k], rows);
  }
}

// One corpus in batches: ids and labels [batch * sequence].
struct CorpusBatch {
  std::vector<int32_t> ids, labels;
  int64_t count = 0;
};

std::vector<CorpusBatch> ReadBatches(const corpus::Shards& set, int64_t sequence, int64_t sequences, int32_t pad) {
  std::vector<CorpusBatch> batches;
  const int64_t count = std::min(sequences, corpus::ValidationSequences(set, sequence));
  for (int64_t first = 0; first < count; first += kBatch) {
    CorpusBatch batch;
    batch.count = std::min(kBatch, count - first);
    batch.ids.resize(static_cast<size_t>(batch.count * sequence));
    batch.labels.resize(batch.ids.size());
    for (int64_t i = 0; i < batch.count; ++i) {
      corpus::ReadValidation(set, sequence, first + i, batch.ids.data() + i * sequence);
      MakeLabels(batch.ids.data() + i * sequence, sequence, pad, batch.labels.data() + i * sequence);
    }
    batches.push_back(std::move(batch));
  }
  return batches;
}

// Under the noise of one seed, so that a change of the loss is none of the noise of routers.
double MeanLoss(Network& network, const std::vector<CorpusBatch>& batches, int64_t sequence, const NamedIntervention& named,
                const std::vector<corpus::TokenClass>& classes) {
  network.SetEvaluationSeed(kNoiseSeed);
  LossSum sum;
  for (const CorpusBatch& batch : batches) {
    network.SetIntervention(ToIntervention(named, batch.ids, classes));
    const LossSum part = network.Loss(batch.ids.data(), batch.labels.data(), batch.count, sequence);
    sum.loss += part.loss;
    sum.targets += part.targets;
  }
  network.SetIntervention({});
  return sum.loss / static_cast<double>(sum.targets);
}

// Read-outs of every block, over all tokens.
struct Readings {
  std::vector<std::string> places;
  std::vector<Json> scales;  // learned scalars of each block
  std::vector<Means> all;
};

void Read(Network& network, const std::vector<CorpusBatch>& batches, int64_t sequence, const std::vector<corpus::TokenClass>& classes,
          Readings* readings, std::vector<std::array<Means, corpus::kTokenClasses>>* of_corpus) {
  for (const CorpusBatch& batch : batches) {
    std::vector<size_t> everything(batch.ids.size());
    std::array<std::vector<size_t>, corpus::kTokenClasses> rows;
    for (size_t i = 0; i < batch.ids.size(); ++i) {
      everything[i] = i;
      rows[static_cast<size_t>(classes[static_cast<size_t>(batch.ids[i])])].push_back(i);
    }
    const std::vector<BlockReadout> blocks = network.Readouts(batch.ids.data(), batch.count, sequence);
    readings->all.resize(blocks.size());
    of_corpus->resize(blocks.size());
    readings->places.clear();
    readings->scales.clear();
    for (size_t b = 0; b < blocks.size(); ++b) {
      readings->places.push_back(blocks[b].place);
      Json scales = Json::object();
      for (size_t k = 0; k < blocks[b].scale_deep.size(); ++k) scales["scale_deep_" + std::to_string(k + 1)] = blocks[b].scale_deep[k];
      if (!blocks[b].norm_wide.empty()) scales["scale_wide"] = blocks[b].scale_wide;
      readings->scales.push_back(std::move(scales));
      AddTo(readings->all[b], blocks[b], everything);
      for (size_t c = 0; c < rows.size(); ++c) AddTo((*of_corpus)[b][c], blocks[b], rows[c]);
    }
  }
}

Json ClassRows(const Readings& readings, const std::vector<std::array<Means, corpus::kTokenClasses>>& by_class) {
  Json json = Json::object();
  for (int c = 0; c < corpus::kTokenClasses; ++c) {
    Json rows = Json::array();
    for (size_t b = 0; b < by_class.size(); ++b) {
      const Means& means = by_class[b][static_cast<size_t>(c)];
      if (!means.empty()) rows.push_back(means.Row(readings.places[b]));
    }
    if (!rows.empty()) json[corpus::TokenClassName(static_cast<corpus::TokenClass>(c))] = std::move(rows);
  }
  return json;
}

Json Describe(const NamedIntervention& named) {
  Json json = {{"name", named.name}, {"gates", named.gates}, {"loss", Json::object()}, {"change", Json::object()}};
  if (named.loops > 0) {
    json["loops"] = named.loops;
    json["step_feature"] = named.step_feature;
  }
  if (named.gates == "shuffled") json["shuffle"] = named.shuffle;
  if (named.gates == "shuffled" || named.control) json["seed"] = named.seed;
  if (named.early_exit > 0) json["early_exit"] = named.early_exit;
  if (!named.layers.empty()) json["layers"] = named.layers;
  if (!named.token_class.empty()) json["class"] = named.token_class;
  if (named.control) json["control"] = true;
  if (named.keep_sum) json["keep_sum"] = true;
  return json;
}

bool HasTwoPathsOrLoops(const model::ModelSpec& spec) {
  const auto counts = [](const model::Stack& stack) { return stack.has_deep(); };
  if (spec.kind == model::Kind::kDense) return counts(spec.dense);
  return counts(spec.large) || std::any_of(spec.paths.begin(), spec.paths.end(), counts);
}

const std::vector<std::string>& ClassNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{""};
    for (int c = 0; c < corpus::kTokenClasses; ++c) all.emplace_back(corpus::TokenClassName(static_cast<corpus::TokenClass>(c)));
    return all;
  }();
  return names;
}

std::vector<int64_t> ReadLayers(JsonReader& read) {
  const Json& layers = read.Value("layers");
  if (layers.is_null()) return {};
  const auto is_layer = [](const Json& layer) { return layer.is_number_integer() && layer.get<int64_t>() >= 0; };
  if (layers.is_array() && !layers.empty() && std::all_of(layers.begin(), layers.end(), is_layer)) return layers;
  read.Fail("layers", "expected a list of whole numbers of at least 0");
  return {};
}

// Layers without such blocks, or an early exit from steps that have no mass, would change nothing.
Status CheckFits(const NamedIntervention& named, const model::ModelSpec& spec) {
  std::vector<model::Stack> stacks = spec.paths;
  for (const model::Stack* stack : {&spec.dense, &spec.large}) stacks.push_back(*stack);
  int64_t layers = 0;
  bool weighs = false;
  for (const model::Stack& stack : stacks) {
    if (!stack.has_deep()) continue;
    layers = std::max(layers, stack.blocks);
    weighs = weighs || stack.dual.mix == "act";
  }
  for (const int64_t layer : named.layers) {
    if (layer < layers) continue;
    return InvalidArgument(Format("intervention %s: layers: model %s has no loop or dual_path block in layer %lld", named.name.c_str(), spec.name.c_str(),
                                  static_cast<long long>(layer)));
  }
  if (named.early_exit == 0 || weighs) return OkStatus();
  return InvalidArgument("intervention " + named.name + ": early_exit: model " + spec.name + " has no steps mixed by act");
}

}  // namespace

Result<DualAnalysis> DualAnalysisFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  DualAnalysis analysis;
  analysis.sequences = read.Int("sequences", analysis.sequences);
  const Json& interventions = read.Value("interventions");
  if (analysis.sequences < 1) read.Fail("sequences", "must be at least 1");
  if (!interventions.is_null() && !interventions.is_array()) read.Fail("interventions", "expected a list");
  BRAID_RETURN_IF_ERROR(read.Finish());
  for (size_t i = 0; i < interventions.size(); ++i) {
    JsonReader one(interventions[i], path + ".interventions." + std::to_string(i));
    NamedIntervention named;
    named.name = one.RequireString("name");
    named.loops = one.Int("loops", 0);
    named.gates = one.Choice("gates", named.gates, {"learned", "deep", "wide", "uniform", "open", "shuffled"});
    named.token_class = one.Choice("class", "", ClassNames());
    named.control = one.Bool("control", false);
    named.keep_sum = one.Bool("keep_sum", false);
    named.step_feature = one.Choice("step_feature", named.step_feature, {"rescaled", "trained"});
    named.shuffle = one.Choice("shuffle", named.shuffle, {"independent", "joint"});
    named.early_exit = one.Double("early_exit", 0);
    named.layers = ReadLayers(one);
    named.seed = one.Int("seed", named.seed);
    if (!(named.early_exit >= 0 && named.early_exit <= 1)) one.Fail("early_exit", "must be from 0 to 1");
    if (one.Has("seed") && named.gates != "shuffled" && !named.control) one.Fail("seed", "is of gates: shuffled or of control");
    if (named.seed < 0) one.Fail("seed", "must not be negative");
    if (named.loops < 0) one.Fail("loops", "must not be negative");
    if (named.control && named.token_class.empty()) one.Fail("control", "is of a class; give class too");
    BRAID_RETURN_IF_ERROR(one.Finish());
    analysis.interventions.push_back(std::move(named));
  }
  return analysis;
}

Intervention ToIntervention(const NamedIntervention& named, const std::vector<int32_t>& ids,
                            const std::vector<corpus::TokenClass>& classes) {
  Intervention intervention;
  intervention.loops = named.loops;
  intervention.step_feature = named.step_feature;
  intervention.keep_sum = named.keep_sum;
  intervention.early_exit = named.early_exit;
  intervention.layers = named.layers;
  intervention.seed = static_cast<uint64_t>(named.seed);
  if (named.gates == "shuffled") intervention.shuffle = named.shuffle;
  static const std::map<std::string, std::pair<double, double>> kGates = {
      {"deep", {1, 0}}, {"wide", {0, 1}}, {"uniform", {0.5, 0.5}}, {"open", {1, 1}}};
  if (const auto found = kGates.find(named.gates); found != kGates.end()) {
    intervention.set_gates = true;
    std::tie(intervention.gate_deep, intervention.gate_wide) = found->second;
  }
  if (named.token_class.empty()) return intervention;
  std::vector<size_t> inside, outside;
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool in = corpus::TokenClassName(classes[static_cast<size_t>(ids[i])]) == named.token_class;
    (in ? inside : outside).push_back(i);
  }
  intervention.positions.assign(ids.size(), 0);
  if (!named.control) {
    for (const size_t i : inside) intervention.positions[i] = 1;
    return intervention;
  }
  const auto order = Permutation(RandomStream(intervention.seed, "control/" + named.token_class), static_cast<uint32_t>(outside.size()));
  for (size_t k = 0; k < std::min(inside.size(), outside.size()); ++k) intervention.positions[outside[order[k]]] = 1;
  return intervention;
}

Result<Json> AnalyseDual(Network& network, const DualAnalysis& analysis, const std::vector<const corpus::Shards*>& shards,
                         int64_t sequence, const std::vector<corpus::TokenClass>& classes) {
  if (!HasTwoPathsOrLoops(network.spec())) {
    return InvalidArgument("model " + network.spec().name + " has no loop or dual_path block; spec.dual is about those");
  }
  for (const NamedIntervention& named : analysis.interventions) BRAID_RETURN_IF_ERROR(CheckFits(named, network.spec()));
  Readings readings;
  Json by_corpus = Json::object();
  std::vector<Json> interventions;
  for (const NamedIntervention& named : analysis.interventions) interventions.push_back(Describe(named));
  for (const corpus::Shards* set : shards) {
    const std::vector<CorpusBatch> batches = ReadBatches(*set, sequence, analysis.sequences, static_cast<int32_t>(network.spec().pad_id));
    if (batches.empty()) {
      return InvalidArgument("corpus " + set->corpus + ": what is set aside is not one sequence; raise validation.documents");
    }
    std::vector<std::array<Means, corpus::kTokenClasses>> of_corpus;
    Read(network, batches, sequence, classes, &readings, &of_corpus);
    by_corpus[set->corpus] = ClassRows(readings, of_corpus);
    const double learned = MeanLoss(network, batches, sequence, {}, classes);
    for (size_t i = 0; i < interventions.size(); ++i) {
      const double loss = MeanLoss(network, batches, sequence, analysis.interventions[i], classes);
      interventions[i]["loss"][set->corpus] = loss;
      interventions[i]["change"][set->corpus] = loss - learned;
    }
  }
  Json layers = Json::array();
  for (size_t b = 0; b < readings.all.size(); ++b) {
    Json row = readings.all[b].Row(readings.places[b]);
    row.update(readings.scales[b]);
    layers.push_back(std::move(row));
  }
  return Json{{"layers", layers}, {"readouts", by_corpus}, {"interventions", interventions}};
}

}  // namespace braid::trainer
