// A submitted recipe: checks it, expands it, and compares it with stored checkpoints. Without gRPC
// and without the core: the command that comes out is what the core decides on.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "coordinator/core/runs.h"
#include "coordinator/submission/stored_artifacts.h"
#include "recipe/graph/sizes.h"

namespace braid::coordinator {

// SubmitRunRequest of the API. Nothing of it is checked yet.
struct Submission {
  std::string recipe;                          // the text
  std::string recipe_name;                     // for messages; empty: recipe.yaml
  std::map<std::string, std::string> sources;  // source name -> artifact id
  recipe::Known known;                         // sizes that the submitter has measured
  std::vector<std::string> only;               // jobs; empty: all
  std::optional<int64_t> priority;             // empty: as the recipe says
  std::string user;
  std::vector<std::string> tags;  // besides those of the recipe
};

// Errors: kInvalidArgument (INVALID_RECIPE) with file, line and column; what the recipe says of a
// checkpoint that is stored and differs. Sources that are not stored are left to Submit.
Result<SubmitCommand> CommandOf(const Submission& submission, const StoredArtifacts& stored);

}  // namespace braid::coordinator
