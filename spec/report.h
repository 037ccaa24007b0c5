// The `report` task.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/common.h"

namespace braid::spec {

// What a model is in its run: a path; a composite after its joint training, and as it was merged; a
// dense baseline, and a baseline that is a composite trained from scratch; the seed model from
// which the paths begin.
enum class ModelRole { kPath, kComposite, kCompositeStart, kDense, kCompositeScratch, kSeedModel };
const schema::Words& WordsOf(ModelRole);

// A row of the report's tables.
struct ReportedModel {
  std::string name;
  // Its measurements are input `evaluation.<evaluation>`, if that is there.
  std::string evaluation;
  // The job that trained it, whose steps are input `history.<history>`; empty: no job of this run.
  std::string history;
  ModelRole role = ModelRole::kPath;
  // Of kComposite and kCompositeStart: the name of the composite.
  std::string composite;
  // Its spec as JSON, for a model whose evaluation does not hold it; null: not given.
  Json model;
  // The norm that the gradients of `history` were clipped to; 0: they were not; absent: unknown.
  std::optional<double> clip;

  static const schema::Schema& Fields();
};

// How far the run follows the published procedure.
struct ReportCompat {
  Compat mode = Compat::kFixed;
  // Fields that differ from that preset, as "train.clip = 2".
  std::vector<std::string> overrides;

  static const schema::Schema& Fields();
};

// A variant of a run with `seeds` or `sweep`: which jobs of the run are its own.
struct ReportedVariant {
  std::string name;
  // By axis, as the recipe writes it.
  std::map<std::string, std::string> values;
  // From the name of a job in the variant's own graph to that in the run, where the two differ.
  std::map<std::string, std::string> jobs;
  // Empty: those of the task.
  std::vector<ReportedModel> models;

  static const schema::Schema& Fields();
};

// The variants of a run with `seeds` or `sweep`.
struct ReportedSweep {
  // In the order of the recipe: fields, names of fields that vary together, and `seeds`.
  std::vector<std::string> axes;
  std::vector<ReportedVariant> variants;

  static const schema::Schema& Fields();
};

// A rung, where trainings are compared (task/rung.h): the part of the steps after which it is, and
// the trials that are trained up to it.
struct ReportedRung {
  double share = 1;
  int64_t trials = 0;

  static const schema::Schema& Fields();
};
// A trial: a setting, and the jobs that end its trainings, one a seed. The parts before have
// "@rung_1", ... behind these names.
struct ReportedTrial {
  std::string name;
  std::vector<std::string> jobs;

  static const schema::Schema& Fields();
};
// The trials of one model.
struct ReportedHalving {
  std::string model;
  // The trials are starts of a composite.
  bool starts = false;
  std::vector<ReportedRung> rungs;
  std::vector<ReportedTrial> trials;

  static const schema::Schema& Fields();
};

// The spec of a `report` task.
struct ReportTask {
  std::string title = "braid";
  // The text of the recipe; empty: there is none.
  std::string recipe;
  std::optional<ReportCompat> compat;
  // In the order of the tables.
  std::vector<ReportedModel> models;
  // Of a run with `seeds` or `sweep`: `models` are then those of one variant, by the names that its
  // own graph has.
  std::optional<ReportedSweep> sweep;
  // The models whose trainings were compared at rungs.
  std::vector<ReportedHalving> halvings;
  // What the coordinator knows of the run's jobs (task/run_summary.h), as JSON; null:
  // nothing is known.
  Json facts;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
