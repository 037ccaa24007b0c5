// Everything that is checked before a recipe is submitted, and what is uploaded with it.
#pragma once

#include <string>
#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"
#include "submit/tools.h"

namespace braid::submit {

// A recipe that was examined.
struct Submission {
  RecipeFile file;
  // The sources of the graph whose files exist. Hugging Face folders are replaced by checkpoints of
  // braid below Tools::work.
  std::vector<recipe::Source> sources;
  // Those of LoadRecipe and CheckContent, and those about the weights of checkpoints. If none is an
  // error, the recipe may be submitted.
  std::vector<Finding> findings;
};

// Loads and checks the recipe at `path`; LoadRecipe has the meaning of `path` and `only` and the
// errors that are not findings. Reads all weights of local checkpoints, which takes a while for
// large ones.
Result<Submission> Examine(const std::string& path, const std::vector<std::string>& only,
                           const Tools& tools);

}  // namespace braid::submit
