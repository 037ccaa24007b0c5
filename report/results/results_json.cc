#include "report/results/results_json.h"

#include "report/results/progress.h"

namespace braid::report {
namespace {

Json ToJson(const Estimate& estimate) {
  return {{"value", estimate.value},
          {"half_width", estimate.has_interval() ? Json(estimate.HalfWidth()) : Json()}};
}

Json ToJson(const std::optional<Estimate>& estimate) {
  return estimate.has_value() ? ToJson(*estimate) : Json();
}

Json LossesJson(const Evaluation& evaluation) {
  Json json = Json::object();
  for (const auto& [corpus, loss] : evaluation.losses) {
    json[corpus] = {{"loss", loss.loss}, {"perplexity", loss.perplexity}, {"tokens", loss.tokens}};
    if (loss.bits_per_byte > 0) json[corpus]["bits_per_byte"] = loss.bits_per_byte;
  }
  return json;
}

Json SamplesJson(const Evaluation& evaluation) {
  Json json = Json::array();
  for (const Sample& sample : evaluation.samples) {
    Json next = Json::array();
    for (const auto& [token, probability] : sample.next)
      next.push_back({{"token", token}, {"probability", probability}});
    json.push_back({{"prompt", sample.prompt}, {"text", sample.text}, {"next", next}});
  }
  return json;
}

Json ScoresJson(const Evaluation& evaluation) {
  Json json = Json::object();
  if (evaluation.blimp.has_value()) json["blimp"] = ToJson(evaluation.blimp->mean);
  if (evaluation.glue.has_value()) {
    json["glue"] = ToJson(evaluation.glue->glue);
    json["superglue"] = ToJson(evaluation.glue->superglue);
    for (const auto& [name, task] : evaluation.glue->tasks) {
      json["tasks"][name] = {{"score", ToJson(task.score)},
                             {"metric", task.metric},
                             {"seeds", task.seeds},
                             {"deviation", task.deviation >= 0 ? Json(task.deviation) : Json()}};
    }
  }
  if (!json.empty()) json["mean"] = ToJson(evaluation.MeanScore());
  return json;
}

Json SharesJson(const RoutingShares& shares) {
  return {{"shares", shares.shares},
          {"correct", shares.correct.has_value() ? Json(*shares.correct) : Json()},
          {"decisions", shares.decisions}};
}

Json RoutingJson(const Evaluation& evaluation) {
  if (!evaluation.routing.has_value()) return nullptr;
  const Routing& routing = *evaluation.routing;
  Json json = {{"summary", nullptr}, {"text", Json::object()}};
  if (routing.summary.has_value()) json["summary"] = SharesJson(*routing.summary);
  for (const auto& [corpus, shares] : routing.text) json["text"][corpus] = SharesJson(shares);
  // Older evaluations do not say whether there was noise.
  if (!routing.noisy.has_value()) return json;
  json["noise"] = *routing.noisy;
  if (routing.clean.has_value()) json["clean"]["summary"] = SharesJson(*routing.clean);
  for (const auto& [corpus, shares] : routing.clean_text)
    json["clean"]["text"][corpus] = SharesJson(shares);
  return json;
}

Json GradientsJson(const Results& results, const ModelResult& model) {
  const auto gradients = GradientsOf(results, model);
  if (!gradients.has_value()) return nullptr;
  return {{"steps", gradients->steps},
          {"first_norm", gradients->first},
          {"clip", model.clip.has_value() ? Json(*model.clip) : Json()},
          {"clipped", gradients->clipped.has_value() ? Json(*gradients->clipped) : Json()}};
}

Json ModelsJson(const Results& results) {
  Json json = Json::array();
  for (const ModelResult& model : results.models) {
    const Evaluation& evaluation = model.evaluation;
    json.push_back({{"name", model.name},
                    {"role", model.role},
                    {"composite", model.composite},
                    {"job", model.job},
                    {"parameters", evaluation.parameters},
                    {"tokens", model.tokens},
                    {"cores", model.cores},
                    {"seconds", model.seconds},
                    {"in_turn_s", model.in_turn_seconds},
                    {"stage_1_s", model.stage_1_seconds},
                    {"stage_2_s", model.stage_2_seconds},
                    {"loss", LossesJson(evaluation)},
                    {"samples", SamplesJson(evaluation)},
                    {"scores", ScoresJson(evaluation)},
                    {"routing", RoutingJson(evaluation)},
                    {"gradients", GradientsJson(results, model)}});
    if (evaluation.next_token.has_value())
      json.back()["next_token"] = ToJson(*evaluation.next_token);
  }
  return json;
}

Json SpeedJson(const Results& results) {
  Json json = Json::array();
  for (const SpeedComparison& one : results.speed) {
    json.push_back({{"composite", one.composite},
                    {"dense", one.dense},
                    {"cores", one.cores},
                    {"critical_path_s", one.critical_path},
                    {"one_after_another_s", one.one_after_another},
                    {"composite_core_s", one.composite_core_seconds},
                    {"dense_cores", one.dense_cores},
                    {"dense_s", one.dense_seconds},
                    {"dense_equal_cores_s", one.dense_equal_cores}});
  }
  return json;
}

Json ReachedJson(const std::optional<Reached>& reached) {
  return reached.has_value() ? Json{{"loss", reached->loss}, {"share", reached->share}} : Json();
}

Json EqualTermsJson(const Results& results) {
  Json json = Json::array();
  for (const EqualTerms& one : CompareOnEqualTerms(results)) {
    json.push_back({{"composite", one.composite->name},
                    {"dense", one.dense->name},
                    {"validation_loss", one.loss},
                    {"tokens", one.composite->tokens},
                    {"cores", one.speed.cores},
                    {"seconds", one.speed.critical_path},
                    {"dense_at_tokens", ReachedJson(one.tokens)},
                    {"dense_at_time", ReachedJson(one.time)}});
  }
  return json;
}

Json JobsJson(const Results& results) {
  Json json = Json::array();
  for (const JobFact& job : results.jobs) {
    json.push_back({{"name", job.name},
                    {"kind", job.kind},
                    {"state", job.state},
                    {"worker", job.worker},
                    {"parents", job.parents},
                    {"ranks", job.ranks},
                    {"slots", job.slots},
                    {"attempts", job.attempts},
                    {"seconds", job.seconds},
                    {"inputs", job.inputs},
                    {"outputs", job.outputs},
                    {"summary", job.summary}});
  }
  return json;
}

}  // namespace

Json ToJson(const Results& results) {
  return {{"format", 1},
          {"title", results.title},
          {"run", {{"id", results.run_id}, {"created_ms", results.created_ms}}},
          {"compat", {{"mode", results.compat.mode}, {"overrides", results.compat.overrides}}},
          {"corpora", results.corpora},
          {"models", ModelsJson(results)},
          {"speed", SpeedJson(results)},
          {"equal_terms", EqualTermsJson(results)},
          {"jobs", JobsJson(results)}};
}

}  // namespace braid::report
