#include "trainer/eval/routing/routing.h"

#include <algorithm>

#include "base/text.h"
#include "corpus/dataset.h"
#include "trainer/eval/routing/tally.h"

namespace braid::trainer {
namespace {

// Sequences in one pass.
constexpr int64_t kBatch = 16;

Status CheckCorrect(const std::string& field, int64_t correct, int64_t paths) {
  if (correct >= 0 && correct <= paths) return OkStatus();
  return InvalidArgument(Format("%s: is %lld, but the model has paths 1 to %lld (0: none is right)",
                                field.c_str(), (long long)correct, (long long)paths));
}

// The choice of every layer at one row, numbered from 1, which is also counted in `tally`.
Json Decisions(const std::vector<LayerRouting>& layers, std::vector<uint8_t> LayerRouting::* which,
               size_t row, int64_t correct, RoutingTally* tally) {
  Json decisions = Json::array();
  for (const LayerRouting& layer : layers) {
    const std::vector<uint8_t>& choices = layer.*which;
    // A layer whose choice is not defined.
    if (choices.empty()) continue;
    tally->Add(choices[row], correct - 1);
    decisions.push_back(static_cast<int64_t>(choices[row]) + 1);
  }
  return decisions;
}

}  // namespace

Result<RoutingPlan> RoutingPlan::Of(const spec::RoutingSettings& settings, const std::string& path,
                                    int64_t paths) {
  RoutingPlan plan;
  plan.own_prompts = settings.prompts.has_value();
  plan.prompts = plan.own_prompts ? *settings.prompts : DefaultRoutingPrompts();
  plan.sequences = settings.sequences;
  plan.corpora = settings.corpora;
  for (size_t i = 0; plan.own_prompts && i < plan.prompts.size(); ++i) {
    const std::string field = path + ".prompts." + std::to_string(i) + ".correct";
    BRAID_RETURN_IF_ERROR(CheckCorrect(field, plan.prompts[i].correct, paths));
  }
  for (const auto& [corpus, correct] : plan.corpora)
    BRAID_RETURN_IF_ERROR(CheckCorrect(path + ".corpora." + corpus, correct, paths));
  return plan;
}

Result<std::vector<int32_t>> EncodeRoutingPrompt(const spec::RoutingPrompt& prompt,
                                                 corpus::Encoder& encoder, int64_t max_positions) {
  std::vector<int32_t> ids;
  encoder.Encode(prompt.text, &ids);
  if (ids.empty())
    return InvalidArgument("routing: a prompt is empty; the analysis reads its last position");
  const auto length = static_cast<int64_t>(ids.size());
  if (max_positions == 0 || length <= max_positions) return ids;
  return InvalidArgument(
      Format("routing: prompt \"%.40s\": %lld tokens are above the %lld positions of this model",
             prompt.text.c_str(), (long long)length, (long long)max_positions));
}

Result<Json> RoutePrompts(const std::vector<spec::RoutingPrompt>& prompts, corpus::Encoder& encoder,
                          const RoutedModel& model) {
  Json list = Json::array();
  RoutingTally tally(model.choices), clean(model.choices);
  for (const spec::RoutingPrompt& prompt : prompts) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                           EncodeRoutingPrompt(prompt, encoder, model.max_positions));
    const std::vector<LayerRouting> layers = model.trace(ids.data(), 1,
                                                         static_cast<int64_t>(ids.size()));
    const size_t last = ids.size() - 1;
    Json item = {{"text", prompt.text}, {"correct", prompt.correct}};
    item["decisions"].push_back(
        Decisions(layers, &LayerRouting::choices, last, prompt.correct, &tally));
    if (model.has_router) {
      item["clean_decisions"].push_back(
          Decisions(layers, &LayerRouting::clean_choices, last, prompt.correct, &clean));
    }
    list.push_back(std::move(item));
  }
  Json json = {{"prompts", list}};
  if (prompts.empty()) return json;
  json["summary"] = ToJson(tally);
  if (model.has_router) json["clean"] = ToJson(clean);
  return json;
}

Result<Json> RouteText(const corpus::Shards& shards, int64_t sequence, int64_t sequences,
                       int64_t correct, const RoutedModel& model) {
  int64_t count = corpus::ValidationSequences(shards, sequence);
  if (count == 0) {
    return InvalidArgument(Format(
        "corpus %s: %lld tokens set aside are not one sequence of %lld; raise validation.documents",
        shards.corpus.c_str(), (long long)shards.validation.tokens(), (long long)sequence));
  }
  count = std::min(count, sequences);
  // By layer; sized after the first pass, because only the network knows the number of layers that
  // decide.
  std::vector<RoutingTally> tallies;
  RoutingTally clean(model.choices);
  std::vector<int32_t> ids(static_cast<size_t>(kBatch * sequence));
  for (int64_t first = 0; first < count; first += kBatch) {
    const int64_t batch = std::min(kBatch, count - first);
    for (int64_t i = 0; i < batch; ++i)
      corpus::ReadValidation(shards, sequence, first + i, ids.data() + i * sequence);
    const std::vector<LayerRouting> layers = model.trace(ids.data(), batch, sequence);
    tallies.resize(layers.size(), RoutingTally(model.choices));
    for (size_t l = 0; l < layers.size(); ++l) {
      for (const uint8_t choice : layers[l].choices) tallies[l].Add(choice, correct - 1);
      for (const uint8_t choice : layers[l].clean_choices) clean.Add(choice, correct - 1);
    }
  }
  RoutingTally all(model.choices);
  Json by_layer = Json::array();
  for (const RoutingTally& tally : tallies) {
    all.Add(tally);
    if (tally.decisions() > 0) by_layer.push_back(ToJson(tally));
  }
  Json json = ToJson(all);
  json["layers"] = std::move(by_layer);
  if (model.has_router) json["clean"] = ToJson(clean);
  return json;
}

}  // namespace braid::trainer
