// The spans of runs, jobs and attempts. Their ids follow from the keys of what they are about, and
// their times from the rows of the catalog, so that nothing is kept while one is open: a
// coordinator that was restarted sends the same spans as one that was not.
//
//   the call that made the run
//     run               from its creation to its end
//       job             from when it could run to its end
//         waiting       until it was granted an attempt
//         attempt       the lease: from the grant to the end of the attempt
//           rank ...    of the worker (worker/agent/rank_trace.h)
#pragma once

#include <vector>

#include "coordinator/core/state.h"
#include "storage/catalog/update.h"
#include "trace/sampler.h"
#include "trace/span.h"

namespace braid::coordinator {

// The span of a run: in the trace of the call that made it, if that had one, and else in a trace of
// its own.
trace::Context SpanOfRun(const RunRecord& run, const trace::Sampler& sampler);
// The spans below it.
trace::Context SpanOfJob(const JobKey& job, const RunRecord& run, const trace::Sampler& sampler);
trace::Context SpanOfAttempt(const AttemptKey& attempt, const RunRecord& run,
                             const trace::Sampler& sampler);

// The spans that are complete with this update, which was committed; `state` has it.
std::vector<trace::Span> SpansOf(const catalog::Update& update, const State& state,
                                 const trace::Sampler& sampler);

}  // namespace braid::coordinator
