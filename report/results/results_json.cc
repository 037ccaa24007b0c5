#include "report/results/results_json.h"

namespace braid::report {

Json ToJson(const Results& results) {
  Json models = Json::array();
  for (const ModelResult& model : results.models) {
    models.push_back({{"name", model.name},
                      {"role", schema::NameOf(model.role)},
                      {"composite", model.composite},
                      {"job", model.job},
                      {"parameters", model.evaluation.parameters},
                      {"tokens", model.tokens},
                      {"cores", model.cores},
                      {"seconds", model.seconds},
                      {"core_seconds", model.core_seconds},
                      {"in_turn_s", model.in_turn_seconds},
                      {"stage_1_s", model.stage_1_seconds},
                      {"stage_2_s", model.stage_2_seconds}});
  }
  return {{"format", 1},
          {"title", results.title},
          {"run", {{"id", results.run_id}, {"created_ms", results.created_ms}}},
          {"compat", {{"mode", results.compat.mode}, {"overrides", results.compat.overrides}}},
          {"corpora", results.corpora},
          {"models", models}};
}

}  // namespace braid::report
