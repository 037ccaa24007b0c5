// The plan of a recipe: its jobs, models, sizes and settings.
#pragma once

#include <string>
#include <vector>

#include "braid/v1/plan.pb.h"
#include "submit/finding.h"
#include "submit/source_files.h"

namespace braid::cli {

// Makes the plan. `findings` are all findings about the recipe: those about missing files go to the
// plan's `missing`, all others to its warnings.
v1::Plan PlanOf(const submit::RecipeFile& file, const std::vector<submit::Finding>& findings);
// The jobs of a plan as a table for people, with what they take in all.
std::string JobTableText(const v1::Plan& plan);
// The plan as text for people.
std::string PlanText(const v1::Plan& plan);

}  // namespace braid::cli
