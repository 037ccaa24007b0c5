// The report in words and tables.
#pragma once

#include <map>
#include <string>

#include "report/document.h"
#include "report/results.h"

namespace braid::report {

// The table of results, what it says about each composite, and the comparison of times: what a terminal shows.
Document ResultsDocument(const Results& results);

// Everything: results, samples, curves, merges, lineage, recipe.
Document FullDocument(const Results& results);

}  // namespace braid::report
