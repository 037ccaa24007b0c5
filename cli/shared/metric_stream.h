// The metrics of a job as they arrive.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "braid/v1/jobs.pb.h"
#include "cli/client/client.h"

namespace braid::cli {

// Calls `see` for each point of the job's metrics, in the order of steps; with `follow` until the
// job has ended. A coordinator that is away for less than a minute is waited for. Stops at the
// first error of `see`. `pause` is called whenever all points so far have been passed to `see`; it
// may be null.
Status ReadMetrics(Client& client, const std::string& run_id, const std::string& job, bool follow,
                   const std::function<Status(const v1::MetricPoint&)>& see,
                   const std::function<Status()>& pause);

}  // namespace braid::cli
