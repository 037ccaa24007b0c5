// Checks of the content of a recipe's files: the second half of its check.
#pragma once

#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"
#include "submit/tools.h"

namespace braid::submit {

// Checks that validation text has at least one sequence; that the first document of each file of
// each corpus can be read; that no validation file is a training file too; and the files of
// evaluations. Sources whose files do not exist are left out, as LoadRecipe reports them.
std::vector<Finding> CheckContent(const RecipeFile& file, const Tools& tools);

}  // namespace braid::submit
