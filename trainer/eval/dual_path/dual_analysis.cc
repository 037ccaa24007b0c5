#include "trainer/eval/dual_path/dual_analysis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "trainer/network/probes.h"

namespace braid::trainer {
namespace {

// Fixed, so that the noise of a router is the same for all interventions and their losses compare.
constexpr uint64_t kNoiseSeed = 42;

// Sums of the read-outs of one block over some of the tokens, and their means.
class Means {
 public:
  void Add(const std::string& name, const std::vector<float>& values,
           const std::vector<size_t>& rows) {
    double& sum = sums_[name];
    for (const size_t row : rows) sum += values[row];
  }
  void Count(size_t tokens) { tokens_ += static_cast<int64_t>(tokens); }
  Json Row(const std::string& place) const {
    Json row = {{"place", place}, {"tokens", tokens_}};
    for (const auto& [name, sum] : sums_)
      row[name] = sum / static_cast<double>(std::max<int64_t>(1, tokens_));
    return row;
  }
  bool empty() const { return tokens_ == 0; }

 private:
  std::map<std::string, double> sums_;
  int64_t tokens_ = 0;
};

void AddTo(Means& means, const BlockReadout& read, const std::vector<size_t>& rows) {
  means.Count(rows.size());
  ForEachReading(read, [&](const std::string& name, const std::vector<float>& values) {
    means.Add(name, values, rows);
  });
}

// Read-outs of every block, over all tokens.
struct Readings {
  std::vector<std::string> places;
  std::vector<Json> scales;  // learned scalars of each block
  std::vector<Means> all;
};
using MeansByClass = std::array<Means, corpus::kTokenClasses>;

int64_t LengthOf(const DualText::Batch& batch) {
  return static_cast<int64_t>(batch.ids.size()) / batch.sequences;
}

// Under the noise of one seed, so that a change of the loss is none of the noise of routers.
double MeanLoss(Network& network, const DualText& text, const spec::NamedIntervention& named) {
  network.SetEvaluationSeed(kNoiseSeed);
  LossSum sum;
  for (const DualText::Batch& batch : text.batches) {
    network.SetIntervention(ToIntervention(named, batch));
    const LossSum part = network.Loss(batch.ids.data(), batch.labels.data(), batch.sequences,
                                      LengthOf(batch));
    sum.loss += part.loss;
    sum.targets += part.targets;
  }
  network.SetIntervention({});
  return sum.loss / static_cast<double>(sum.targets);
}

void ReadBatch(Network& network, const DualText::Batch& batch, Readings* readings,
               std::vector<MeansByClass>* of_text) {
  std::vector<size_t> everything(batch.ids.size());
  std::array<std::vector<size_t>, corpus::kTokenClasses> rows;
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    everything[i] = i;
    rows[static_cast<size_t>(batch.classes[i])].push_back(i);
  }
  const std::vector<BlockReadout> blocks = network.Readouts(batch.ids.data(), batch.sequences,
                                                            LengthOf(batch));
  readings->all.resize(blocks.size());
  of_text->resize(blocks.size());
  // Places and scales are those of the model and the same for every batch.
  readings->places.clear();
  readings->scales.clear();
  for (size_t b = 0; b < blocks.size(); ++b) {
    readings->places.push_back(blocks[b].place);
    readings->scales.push_back(ScalesOf(blocks[b]));
    AddTo(readings->all[b], blocks[b], everything);
    for (size_t c = 0; c < rows.size(); ++c) AddTo((*of_text)[b][c], blocks[b], rows[c]);
  }
}

Json ClassRows(const Readings& readings, const std::vector<MeansByClass>& by_class) {
  Json json = Json::object();
  for (int c = 0; c < corpus::kTokenClasses; ++c) {
    Json rows = Json::array();
    for (size_t b = 0; b < by_class.size(); ++b) {
      const Means& means = by_class[b][static_cast<size_t>(c)];
      if (!means.empty()) rows.push_back(means.Row(readings.places[b]));
    }
    if (!rows.empty()) json[schema::NameOf(static_cast<corpus::TokenClass>(c))] = std::move(rows);
  }
  return json;
}

// Blocks of kind `wide` have neither gates nor steps.
bool HasTwoPathsOrLoops(const model::ModelSpec& spec) {
  const auto counts = [](const model::Stack& stack) { return stack.has_deep(); };
  if (spec.kind == model::Kind::kDense) return counts(spec.dense);
  return counts(spec.large) || std::any_of(spec.paths.begin(), spec.paths.end(), counts);
}

// Adds loss and change of intervention `i` on `text`.
Status MeasureChange(Network& network, const DualText& text, const spec::NamedIntervention& named,
                     size_t i, double learned, const Once& once, Json* into) {
  const std::string piece = "dual/" + text.name + "/" + std::to_string(i);
  BRAID_ASSIGN_OR_RETURN(const double loss, once(piece, [&]() -> Result<Json> {
                           const double made = MeanLoss(network, text, named);
                           if (std::isfinite(made)) return Json(made);
                           return InvalidArgument("model " + network.spec().name +
                                                  " has a loss that is not finite on " + text.name +
                                                  " under intervention " + named.name);
                         }));
  (*into)["loss"][text.name] = loss;
  (*into)["change"][text.name] = loss - learned;
  return OkStatus();
}

}  // namespace

Status CheckDual(const model::ModelSpec& spec, const spec::DualPathSettings& analysis,
                 const std::vector<DualText>& texts) {
  if (!HasTwoPathsOrLoops(spec)) {
    return InvalidArgument("model " + spec.name +
                           " has no loop or dual_path block; spec.dual is about those");
  }
  for (const spec::NamedIntervention& named : analysis.interventions) {
    BRAID_RETURN_IF_ERROR(CheckFits(named, spec));
    if (std::any_of(texts.begin(), texts.end(),
                    [&](const DualText& text) { return Concerns(named, text); }))
      continue;
    return InvalidArgument(
        "intervention " + named.name +
        ": class: no text has all of these classes; parts of speech are of `tagged` text alone");
  }
  return OkStatus();
}

Result<Json> AnalyseDual(Network& network, const spec::DualPathSettings& analysis,
                         const std::vector<DualText>& texts, const Once& once) {
  BRAID_RETURN_IF_ERROR(CheckDual(network.spec(), analysis, texts));
  Readings readings;
  Json by_text = Json::object(), interventions = Json::array();
  for (const spec::NamedIntervention& named : analysis.interventions) {
    interventions.push_back(ToJson(named));
    interventions.back().update({{"loss", Json::object()}, {"change", Json::object()}});
  }
  for (const DualText& text : texts) {
    std::vector<MeansByClass> of_text;
    network.SetEvaluationSeed(kNoiseSeed);
    for (const DualText::Batch& batch : text.batches)
      ReadBatch(network, batch, &readings, &of_text);
    by_text[text.name] = ClassRows(readings, of_text);
    const double learned = MeanLoss(network, text, {});
    for (size_t i = 0; i < interventions.size(); ++i) {
      const spec::NamedIntervention& named = analysis.interventions[i];
      if (!Concerns(named, text)) continue;
      BRAID_RETURN_IF_ERROR(
          MeasureChange(network, text, named, i, learned, once, &interventions[i]));
    }
  }
  Json layers = Json::array();
  for (size_t b = 0; b < readings.all.size(); ++b) {
    Json row = readings.all[b].Row(readings.places[b]);
    row.update(readings.scales[b]);
    layers.push_back(std::move(row));
  }
  return Json{{"layers", layers}, {"readouts", by_text}, {"interventions", interventions}};
}

}  // namespace braid::trainer
