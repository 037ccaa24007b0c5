// What somebody can do whose job has not made what was asked for.
#pragma once

#include <string>

#include "braid/v1/jobs.pb.h"

namespace braid::cli {

// For the end of a message: "braid watch r-1 follows it to its end", by the state of the job.
// `makers` says which jobs have such an output, for one that has succeeded without: "jobs of kind
// train".
std::string NextStep(const v1::Job& job, const std::string& makers);

}  // namespace braid::cli
