// Finds a field of a recipe by its path, "baselines.dense.train.optimizer.lr", and makes documents
// in which it has another value. Parts behind `paths`, `composites` and `baselines` are names of
// models or their numbers from 0, those behind `corpora` names of corpora.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

#include "recipe/parse/yaml_reader.h"
#include "schema/field.h"

namespace braid::recipe {

// What a path leads to.
struct FieldOfRecipe {
  // Null if there is an error.
  const schema::Field* field = nullptr;
  // Why it cannot vary: there is no such field, or one that makes no sense. Empty: it can.
  std::string error;
};
// Finds the field that a sweep names by its path.
FieldOfRecipe FindSweptField(const std::string& path);

// `document` with `value` at `path`. Nothing of `document` is changed, which shares what both have
// in common; what is on the way is copied, as an alias (`*name`) may stand elsewhere too. Sections
// that are missing are made, with `mark` as their place; an item of a list that is missing is an
// error there, and the document stays.
YAML::Node WithField(const YAML::Node& document, const std::string& path, const YAML::Mark& mark,
                     const YAML::Node& value, YamlErrors& errors);

// A scalar node whose errors are reported at `mark`.
YAML::Node ScalarAt(const YAML::Mark& mark, const std::string& text);

}  // namespace braid::recipe
