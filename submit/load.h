// Loading a recipe together with the files that it names on this machine: the first half of its
// check, on which plans are based.
#pragma once

#include <string>
#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"

namespace braid::submit {

// A recipe that was loaded, as far as that was possible.
struct Loaded {
  RecipeFile file;
  // The recipe could be read and expanded, so `file.dag` is valid.
  bool planned = false;
  // About the recipe, missing files, the tokenizer and checkpoints, on which the models and costs
  // of a plan depend; and warnings about trainings that would not train. In the order of the
  // recipe.
  std::vector<Finding> findings;
};

// Loads the recipe at `path`; "-" is standard input. Files that are fetched are looked at where
// they are, and none is read. `only` selects jobs, to which the jobs that they need are added;
// empty: all jobs. What is wrong with the recipe and its files is among the findings. The result is
// an error only if `path` cannot be read, or kNotFound for a job that the recipe does not have.
Result<Loaded> LoadRecipe(const std::string& path, const std::vector<std::string>& only);

}  // namespace braid::submit
