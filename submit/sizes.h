// The sizes of a recipe's files on this machine, from which the numbers of tokens and costs of jobs
// are estimated.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "recipe/graph/set_aside.h"
#include "submit/finding.h"
#include "submit/source_files.h"

namespace braid::submit {

// The sizes of corpora and their validation files, by the name of the source. Sources of `dag` that
// do not exist on this machine are left out.
std::map<std::string, recipe::TextSize> TextSizesOf(const RecipeFile& file, const recipe::Dag& dag);

// The number of vocabulary rows (from the recipe's tokenizer file, if it exists) and the estimated
// tokens of each corpus (from file.text_sizes). A file that is not a tokenizer, or another one than
// the recipe says, becomes a finding.
recipe::Known KnownOf(const RecipeFile& file, const recipe::Dag& dag,
                      std::vector<Finding>* findings);

// Finds corpora whose validation text is shorter than one sequence: an error if that is certain,
// otherwise a warning.
std::vector<Finding> CheckTextSetAside(const RecipeFile& file);

}  // namespace braid::submit
