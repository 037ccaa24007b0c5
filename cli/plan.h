// The plan of a recipe: its jobs, models, sizes and settings.
#pragma once

#include <string>

#include "braid/v1/plan.pb.h"
#include "cli/recipe_file.h"

namespace braid::cli {

v1::Plan PlanOf(const RecipeFile& file);
// For people.
std::string PlanText(const v1::Plan& plan);

}  // namespace braid::cli
