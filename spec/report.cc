#include "spec/report.h"

#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Schema;

constexpr const char* kOverrides = "a list of fields, or of fields with their values";

// "field = value", {"field": ..., "value": ...}, or a mapping of fields to values: task files of
// every version.
std::string WrongOverrides(const Json& value) {
  const std::string wrong = std::string("expected ") + kOverrides;
  if (value.is_object()) return "";
  if (!value.is_array()) return wrong;
  for (const Json& one : value) {
    const bool is_pair = one.is_object() && one.contains("field") && one["field"].is_string();
    if (!one.is_string() && !is_pair) return wrong;
  }
  return "";
}

std::vector<std::string> ReadOverrides(const Json& value) {
  std::vector<std::string> overrides;
  if (value.is_object()) {
    for (const auto& [field, one] : value.items()) overrides.push_back(field + " = " + one.dump());
    return overrides;
  }
  for (const Json& one : value) {
    overrides.push_back(one.is_string() ? one.get<std::string>()
                                        : one["field"].get<std::string>() + " = " +
                                              one.value("value", Json()).dump());
  }
  return overrides;
}

}  // namespace

const schema::Words& WordsOf(ModelRole) {
  static const schema::Words words = {"path",  "composite",         "composite_start",
                                      "dense", "composite_scratch", "seed_model"};
  return words;
}

const Schema& ReportedModel::Fields() {
  static const Schema fields = [] {
    Builder<ReportedModel> field("models", "A row of the report's tables.");
    field("name", &ReportedModel::name, "Of the model.").Required();
    field("evaluation", &ReportedModel::evaluation,
          "Its evaluation is input `evaluation.<evaluation>`, if that is there.");
    field("history", &ReportedModel::history, "Its training is input `history.<history>`.");
    field("role", &ReportedModel::role,
          "What it is: `composite_start` is a composite before its joint training, "
          "`composite_scratch` one that was trained from scratch, `seed_model` the model from "
          "which paths begin.");
    field("composite", &ReportedModel::composite, "Of a composite and its start: whose it is.");
    field("model", &ReportedModel::model,
          "Its spec, where its evaluation does not hold it ([models.md](models.md)).")
        .Optional();
    field("clip", &ReportedModel::clip,
          "Norm that the gradients of its training were clipped to; 0: they were not.");
    return field.Done();
  }();
  return fields;
}

const Schema& ReportCompat::Fields() {
  static const Schema fields = [] {
    Builder<ReportCompat> field("compat", "The preset of the recipe, and what it overrides.");
    field("mode", &ReportCompat::mode, "The preset.");
    field.Custom("overrides", &ReportCompat::overrides,
                 "Fields that differ from the preset, `field = value`.", kOverrides, WrongOverrides,
                 ReadOverrides);
    return field.Done();
  }();
  return fields;
}

const Schema& ReportedVariant::Fields() {
  static const Schema fields = [] {
    Builder<ReportedVariant> field("variants", "A variant: one choice of the values that vary.");
    field("name", &ReportedVariant::name, "Its name.").Required();
    field("values", &ReportedVariant::values, "Of each axis, as the recipe writes it.");
    field(
        "jobs", &ReportedVariant::jobs,
        "From the name of a job in a run of this variant alone to that in this run, where the two "
        "differ; inputs and facts have the latter.");
    field("models", &ReportedVariant::models, "Its models, where they differ from those below.");
    return field.Done();
  }();
  return fields;
}

const Schema& ReportedRung::Fields() {
  static const Schema fields = [] {
    Builder<ReportedRung> field("rungs", "A rung.");
    field("share", &ReportedRung::share, "The part of the steps after which it is.");
    field("trials", &ReportedRung::trials, "How many settings are trained up to it.");
    return field.Done();
  }();
  return fields;
}

const Schema& ReportedTrial::Fields() {
  static const Schema fields = [] {
    Builder<ReportedTrial> field("trials", "A setting.");
    field("name", &ReportedTrial::name, "Its values.");
    field("jobs", &ReportedTrial::jobs,
          "The jobs that do the last part of its trainings; those of the parts before have "
          "`@rung_1`, ... behind these names.");
    return field.Done();
  }();
  return fields;
}

const Schema& ReportedHalving::Fields() {
  static const Schema fields = [] {
    Builder<ReportedHalving> field("halvings", "A model whose trainings were compared.");
    field("model", &ReportedHalving::model, "Its name.").Required();
    field("starts", &ReportedHalving::starts, "The settings are starts of a composite.")
        .OmitDefault();
    field("rungs", &ReportedHalving::rungs, "`share` and `trials` of each rung.");
    field("trials", &ReportedHalving::trials, "`name` and `jobs` of each setting.");
    return field.Done();
  }();
  return fields;
}

const Schema& ReportedSweep::Fields() {
  static const Schema fields = [] {
    Builder<ReportedSweep> field("sweep", "What the run varied.");
    field("axes", &ReportedSweep::axes,
          "Fields of the recipe, names of fields that vary together, and `seeds`.");
    field("variants", &ReportedSweep::variants, "The variants of the recipe.").Required();
    return field.Done();
  }();
  return fields;
}

const Schema& ReportTask::Fields() {
  static const Schema fields = [] {
    Builder<ReportTask> field("report", "What a run gave, in tables and words.");
    field("title", &ReportTask::title, "Of the report.");
    field("recipe", &ReportTask::recipe, "The text of the recipe.");
    field("compat", &ReportTask::compat);
    field("models", &ReportTask::models, "The models of the run, in the order of the tables.")
        .Required();
    field("sweep", &ReportTask::sweep).DefaultText("absent: the run is one training of each model");
    field("halvings", &ReportTask::halvings,
          "The models whose trainings were compared and stopped early.")
        .OmitDefault();
    field("facts", &ReportTask::facts,
          "FACTS, which the coordinator fills in when it grants the job.")
        .Optional();
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
