// A recipe and what it names on this machine: the first half of its check, which plans are made
// from.
#pragma once

#include <string>
#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"

namespace braid::submit {

struct Loaded {
  RecipeFile file;
  bool planned = false;  // whether the recipe could be read and expanded: `file.dag` is there
  // Of the recipe, of files that are not here, of tokenizer and checkpoints: models and costs of a
  // plan follow from these. And warnings of trainings that come to nothing. In the order of the
  // recipe.
  std::vector<Finding> findings;
};

// `path` may be "-": standard input. `only` are the jobs asked for, with what they need; empty:
// all. What is wrong with the recipe and its files is among the findings; a status is returned if
// `path` cannot be read, and kNotFound for a job that the recipe does not have.
Result<Loaded> LoadRecipe(const std::string& path, const std::vector<std::string>& only);

}  // namespace braid::submit
