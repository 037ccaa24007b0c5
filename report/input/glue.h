// Scores on GLUE and SuperGLUE after fine-tuning adapters (docs/papers/papaformer.md#s8.2).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "report/input/estimate.h"

namespace braid::report {

// The score of one task in per cent. A task without two seeds takes the largest variance of the
// other tasks for its own (one task of the paper has one seed); if none has two, no interval is
// known.
struct GlueTask {
  // The mean over its seeds, and their standard deviation (negative: not known).
  Estimate score;
  double deviation = -1;
  // "accuracy", "Matthews correlation", ...
  std::string metric;
  // The number of seeds; 0: not known.
  int64_t seeds = 0;
};

// All that was measured of one model.
struct Glue {
  std::map<std::string, GlueTask> tasks;
  // Means of the eight tasks of GLUE and of the three of SuperGLUE; none if tasks were left out.
  std::optional<Estimate> glue, superglue;
};

// `glue` of evaluation.json.
Result<Glue> ReadGlue(const Json& json, const std::string& path);

}  // namespace braid::report
