// The card of a model that a run exports, as far as the recipe tells it.
#pragma once

#include <string>
#include <vector>

#include "recipe/recipe.h"
#include "spec/card.h"

namespace braid::recipe {

// A card with the run, the recipe, what it overrides, and the corpora that the model is trained on.
// Counts are added by the coordinator, when the jobs that count have ended.
spec::ModelCard CardOf(const Recipe& recipe, const std::vector<std::string>& corpora);

}  // namespace braid::recipe
