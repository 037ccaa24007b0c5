// The report in words and tables.
#pragma once

#include <vector>

#include "report/claims/finding.h"
#include "report/page/document.h"
#include "report/results/results.h"

namespace braid::report {

// The tables of results, what they say about each composite, and the comparison of times: what a
// terminal shows.
Document ResultsDocument(const Results& results, const std::vector<Finding>& findings);

// Everything: results, claims, the papers' tables, samples, curves, merges, lineage, recipe. Parts
// that the run has nothing for are left out.
Document FullDocument(const Results& results, const std::vector<Finding>& findings);

}  // namespace braid::report
