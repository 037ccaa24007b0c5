// The measurements of one model: evaluation.json (docs/formats.md), read strictly. A part that is
// there has the types and ranges of the format, or the error names file and field. Unknown fields
// are ignored, since a newer braid-trainer may write more. Scores, accuracies and shares are in per
// cent everywhere, as in the papers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/spec.h"
#include "report/input/loss.h"
#include "report/input/measurements.h"

namespace braid::report {

// The content of one evaluation.json.
struct Evaluation {
  // Of the model.
  std::string name;
  // Of the whole model; 0: not known.
  int64_t parameters = 0;
  // Evaluations of older trainers have none.
  std::optional<model::ModelSpec> spec;
  // Empty: no loss was measured.
  Losses losses;
  // Everything else that was measured, by its type.
  Measurements measured;
};

// Reads name, model and losses, and those of `fields` that are there. A file that cannot be read,
// is no JSON object or breaks the format is an error with the file's name and the field's path.
Result<Evaluation> ReadEvaluation(const std::string& file,
                                  const std::vector<EvaluationField>& fields);

}  // namespace braid::report
