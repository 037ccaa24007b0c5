// What a run looked like over time, as plots: losses over tokens, jobs over the clock, deep shares
// over layers.
#pragma once

#include "report/page/document.h"
#include "report/results/results.h"

namespace braid::report {

// Training loss and validation loss by corpus. The curve of a joint training begins where the
// tokens of its paths end.
void AddCurves(const Results& results, Document* document);

// One bar a job, from its start to its end: which paths ran at once, and what the critical path
// waited for. Nothing where the times are not known. The SVG is drawn by report/page/plot.h as all
// others.
void AddTimeline(const Results& results, Document* document);

}  // namespace braid::report
