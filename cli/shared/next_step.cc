#include "cli/shared/next_step.h"

namespace braid::cli {

std::string NextStep(const v1::Job& job, const std::string& makers) {
  switch (job.state()) {
    case v1::JOB_SUCCEEDED:
      return makers + " have one: braid list jobs " + job.run_id() + " shows the kind of each";
    case v1::JOB_FAILED:
    case v1::JOB_SKIPPED:
      return "braid describe " + job.run_id() + " " + job.name() + " says why, braid retry " +
             job.run_id() + " tries again";
    case v1::JOB_CANCELLING:
    case v1::JOB_CANCELLED:
      return "braid retry " + job.run_id() + " makes a new run of the same recipe";
    default:
      return "braid watch " + job.run_id() + " follows the run to its end";
  }
}

}  // namespace braid::cli
