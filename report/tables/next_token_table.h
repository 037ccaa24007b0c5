// How well each model predicts the next token of given text, as a table.
#pragma once

#include "report/page/document.h"
#include "report/results/results.h"

namespace braid::report {

// A row a model and file, in the order of the models, and one over all files where there are
// several.
Table NextTokenTable(const Results& results);

}  // namespace braid::report
