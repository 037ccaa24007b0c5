// Every field of recipes, to compare runs by them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "recipe/recipe.h"

namespace braid::recipe {

// The seed from which a training draws weights and order: an element of `seeds`, or `seed`.
inline constexpr char kTrainingSeedField[] = "training_seed";

// The fields of a recipe with their values as text, by path.
using FieldValues = std::map<std::string, std::string>;

// The fields of each training, in the order of recipe.Trained(): settings in force, defaults among
// them; fields that only the text has (files, models), where items of a list that have a name stand
// under it ("baselines.dense.d"); what a sweep varies; and kTrainingSeedField. Values of more than
// 2,000 characters are cut. `recipe` was parsed from its `text`.
std::vector<FieldValues> FieldsOfTrainings(const Recipe& recipe);

}  // namespace braid::recipe
