// Every setting of a recipe that is in force, for `braid plan`.
#pragma once

#include <string>
#include <vector>

#include "recipe/recipe.h"

namespace braid::recipe {

// Sorted "field = value" lines; those that were filled in say "(default)".
std::vector<std::string> SettingsInForce(const Recipe& recipe);

}  // namespace braid::recipe
