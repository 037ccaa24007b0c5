// One scheduling pass: which jobs are granted slots now, and why each of the others waits.
#pragma once

#include "scheduler/snapshot.h"

namespace braid::scheduler {

// Offers slots to the jobs in their order (FairOrder). If a job that needs much at once (a gang, a
// rank of several slots, or memory) does not fit now but would fit on workers that are connected,
// those workers are reserved for it: later jobs that would delay it take no slots of its device
// and no memory there, as otherwise small jobs could keep it waiting forever. One job reserves in
// each pass. Jobs that
// demand the same wait for the same reason, which is that after all grants of the pass. Pure:
// depends on the snapshot alone.
//
// If running jobs may be stopped for others (Snapshot::running), room is made in that way for jobs
// that find none (preempt.h), and kept for them: what was stopped does not begin again there.
// While a job waits that has nothing stopped (JobView::preempts), nothing is stopped for later ones
// on the workers that it could use, as it would get their slots.
Plan Schedule(Snapshot snapshot);

}  // namespace braid::scheduler
