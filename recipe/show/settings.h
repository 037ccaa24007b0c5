// Every setting of a recipe that is in force, for `braid plan`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "recipe/recipe.h"

namespace braid::recipe {

// Sorted "field = value" lines; those that were filled in say "(default)", and those that differ
// between variants have all values and say "(varies)".
std::vector<std::string> SettingsInForce(const Recipe& recipe);

// The values in force of one training, by field, in the JSON of their types. Fields of sections
// that the recipe leaves out are among its `defaults` instead.
std::map<std::string, std::string> ValuesInForce(const Recipe& recipe);

}  // namespace braid::recipe
