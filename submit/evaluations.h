// Checks of the files of evaluations, which jobs would read only after all training.
#pragma once

#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"
#include "submit/tools.h"

namespace braid::submit {

// Checks the files of BLiMP, GLUE, SuperGLUE and next_token, files with part-of-speech tags, and
// that prompts fit the positions of the models. Sources whose files do not exist are left out.
// Checks that need braid-trainer are skipped if that program does not exist.
std::vector<Finding> CheckEvaluations(const RecipeFile& file, const Tools& tools);

}  // namespace braid::submit
