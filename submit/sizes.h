// How large the files of a recipe are that are here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "recipe/graph/set_aside.h"
#include "submit/finding.h"
#include "submit/source_files.h"

namespace braid::submit {

// Of the corpora and their validation files among the sources of `dag`, by source. Sources that are
// not here are left out.
std::map<std::string, recipe::TextSize> TextSizesOf(const RecipeFile& file, const recipe::Dag& dag);

// What `file.text_sizes` and the recipe's tokenizer file, if it is here, say of models and corpora.
// A file that is no tokenizer, or another than the recipe says, is a finding.
recipe::Known KnownOf(const RecipeFile& file, const recipe::Dag& dag,
                      std::vector<Finding>* findings);

// Text set aside that is less than one sequence: an error where that is certain, else a warning.
std::vector<Finding> CheckTextSetAside(const RecipeFile& file);

}  // namespace braid::submit
