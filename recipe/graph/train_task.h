// The tasks that train the paths and baselines of a recipe.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "recipe/recipe.h"
#include "spec/data.h"

namespace braid::recipe {

// The text of a training on this part of some corpora.
spec::Data DataOf(const Recipe& recipe, const std::vector<std::string>& corpora,
                  spec::SplitPart share);

// The spec of the job that trains a path or a baseline.
Json TrainTaskOf(const Recipe& recipe, const Model& made);

// A warning for people if the learning rate of a training that goes on jumps where it does so;
// otherwise empty.
std::string CautionOfGoingOn(const Model& made);

}  // namespace braid::recipe
