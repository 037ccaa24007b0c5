// What is in the files of a recipe: the second half of its check.
#pragma once

#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"
#include "submit/tools.h"

namespace braid::submit {

// Text set aside that is no sequence, the beginning of every file of corpora, validation files
// against training files, the files of evaluations. Sources that are not here are left out;
// LoadRecipe has found them.
std::vector<Finding> CheckContent(const RecipeFile& file, const Tools& tools);

}  // namespace braid::submit
