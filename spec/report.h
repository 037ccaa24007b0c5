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
  std::string evaluation;  // input `evaluation.<evaluation>`, if it is there
  std::string history;     // the job that trained it; empty: none of this run
  ModelRole role = ModelRole::kPath;
  std::string composite;       // whose start or end it is
  Json model;                  // its spec, where its evaluation does not hold it; null: not given
  std::optional<double> clip;  // norm that the gradients of `history` were clipped to; 0: none

  static const schema::Schema& Fields();
};

struct ReportCompat {
  Compat mode = Compat::kFixed;
  std::vector<std::string> overrides;  // "train.clip = 2"

  static const schema::Schema& Fields();
};

struct ReportTask {
  std::string title = "braid";
  std::string recipe;
  std::optional<ReportCompat> compat;
  std::vector<ReportedModel> models;
  Json facts;  // what the coordinator knows of the run's jobs; null: nothing

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
