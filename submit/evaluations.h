// The files of evaluations, which jobs would read after all training.
#pragma once

#include <vector>

#include "submit/finding.h"
#include "submit/source_files.h"
#include "submit/tools.h"

namespace braid::submit {

// BLiMP, GLUE and SuperGLUE, files with parts of speech, and prompts against the positions that
// models have. Sources that are not here are left out, and so is what braid-trainer reads where
// there is none.
std::vector<Finding> CheckEvaluations(const RecipeFile& file, const Tools& tools);

}  // namespace braid::submit
