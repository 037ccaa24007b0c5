// The documents of a report, put together from its parts.
#pragma once

#include "base/json.h"
#include "report/page/document.h"
#include "report/parts/part.h"

namespace braid::report {

// results.md: models, their costs and comparisons, what a terminal shows.
Document SummaryDocument(const Report& report);
// report.md and report.html: everything. Parts that the run has nothing for are left out.
Document FullDocument(const Report& report);
// report.json: the same numbers for programs, without the curves.
Json ReportJson(const Report& report);

}  // namespace braid::report
