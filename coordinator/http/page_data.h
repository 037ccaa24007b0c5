// What the dashboard asks for besides the calls of the API: curves that fit on a screen, and the
// check of a recipe that is being written.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"
#include "base/status.h"
#include "coordinator/bulk/curves.h"

namespace braid::coordinator {

// {"curves": [{"name": ..., "steps": [...], "tokens": [...], "low": [...], "high": [...], "mean":
// [...], "points": n, "last": x}], "names": [...], "lastStep": n, "version": n}. `high` is left out
// where each column has one point; tokens where they are not known. Numbers have seven digits.
Json CurvesJson(const CurvesOfJob& curves);

// What is wrong with a recipe, as far as that is known without its files: {"findings": [Finding of
// plan.proto, ...], "sources": [{"name": "source.tales", "files": [...], "artifact": "source",
// "folders": whether each of `files` is a folder that is taken whole, "patterns": whether each is a
// pattern, "line": n}], "settings": ["train.batch = 32  (default)", ...], "jobs": n, "run": "name",
// "plan": {"jobs": [PlannedJob, ...], "models": [PlannedModel, ...]} as far as plan.proto's fields
// are known}. Tokens and costs are estimated from `bytes`, the sizes of the files by source, and 0
// without them.
Result<Json> CheckJson(const std::string& recipe, const std::string& name,
                       const std::map<std::string, int64_t>& bytes = {});

}  // namespace braid::coordinator
