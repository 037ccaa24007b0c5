// Parts of the report. A part is one measurement or one view of a run, with all that the report
// says of it: how it is read from evaluation.json, what it adds to report.json, and its paragraphs,
// tables and plots. Each stands in a file of its own and is found by its line in the list of
// registry.cc; the code that writes documents goes through that list and knows nothing else about
// parts.
#pragma once

#include <vector>

#include "base/json.h"
#include "report/claims/finding.h"
#include "report/input/measurements.h"
#include "report/page/document.h"
#include "report/results/results.h"

namespace braid::report {

// The input of parts.
struct Report {
  const Results& results;
  const std::vector<Finding>& findings;  // what TestClaims (report/claims/claims.h) says of them
};

// An entry of the list. A function that is null adds nothing, and so does a part that the run has
// nothing for, but for fields of report.json that are always there.
struct Part {
  const char* name;
  // The fields of evaluation.json that it brings. What they were read into is found by its type
  // (report/input/measurements.h): in the file of the part, or in report/input/ if others use it.
  std::vector<EvaluationField> fields = {};
  // Adds to report.json: to the object of one model, and to the whole. No two parts write a key.
  void (*add_to_model_json)(const Results& results, const ModelResult& model, Json* json) = nullptr;
  void (*add_to_json)(const Report& report, Json* json) = nullptr;
  // Adds to results.md, which a terminal shows, and to the full report.
  void (*add_to_summary)(const Report& report, Document* document) = nullptr;
  void (*add_to_report)(const Report& report, Document* document) = nullptr;
};

// All parts, in the order in which they stand in both documents.
const std::vector<Part>& Parts();

// Those of a run with `seeds` or `sweep`.
const std::vector<Part>& SweepParts();
// Those of a run: all, or those of a sweep.
const std::vector<Part>& PartsOf(const Results& results);

// The fields of all parts, for Gather (report/results/gather.h).
std::vector<EvaluationField> EvaluationFields();

}  // namespace braid::report
