// Everything that is found before a recipe is submitted, and what is uploaded then.
#pragma once

#include <string>
#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"
#include "submit/tools.h"

namespace braid::submit {

struct Submission {
  RecipeFile file;
  // Those of the graph; Hugging Face folders are replaced by checkpoints below Tools::work.
  std::vector<recipe::Source> sources;
  // All of LoadRecipe and CheckContent, and what is wrong with the weights of checkpoints. Without
  // an error the recipe may be submitted.
  std::vector<Finding> findings;
};

// `path` and `only` as in LoadRecipe, which says what is no finding.
Result<Submission> Examine(const std::string& path, const std::vector<std::string>& only,
                           const Tools& tools);

}  // namespace braid::submit
