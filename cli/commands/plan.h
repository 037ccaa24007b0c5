// The plan of a recipe: its jobs, models, sizes and settings.
#pragma once

#include <string>
#include <vector>

#include "braid/v1/plan.pb.h"
#include "submit/finding.h"
#include "submit/source_files.h"

namespace braid::cli {

// `findings` are all of the recipe's. What is not here stands among `missing`, all else among the
// warnings.
v1::Plan PlanOf(const submit::RecipeFile& file, const std::vector<submit::Finding>& findings);
// For people.
std::string PlanText(const v1::Plan& plan);

}  // namespace braid::cli
