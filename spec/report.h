// The `report` task.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schema/schema.h"
#include "spec/common.h"

namespace braid::spec {

// What a model is in its run: a path; a composite after its joint training, and as it was merged; a
// dense baseline, and a baseline that is a composite trained from scratch.
enum class ModelRole { kPath, kComposite, kCompositeStart, kDense, kCompositeScratch };
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

// The spec of a `report` task.
struct ReportTask {
  std::string title = "braid";
  // The text of the recipe; empty: there is none.
  std::string recipe;
  std::optional<ReportCompat> compat;
  // In the order of the tables.
  std::vector<ReportedModel> models;
  // What the coordinator knows of the run's jobs (task/run_summary.h), as JSON; null:
  // nothing is known.
  Json facts;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
