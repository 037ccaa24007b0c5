#include "recipe/graph/time_limits.h"

#include <cstdint>

#include "task/job_kind.h"

namespace braid::recipe {
namespace {

int64_t LimitOf(task::JobKind kind, const spec::MaxDuration& limits) {
  switch (kind) {
    case task::JobKind::kTokenizer:
      return limits.tokenizer;
    case task::JobKind::kPrepare:
      return limits.prepare;
    case task::JobKind::kTrain:
      return limits.train;
    case task::JobKind::kMerge:
      return limits.merge;
    case task::JobKind::kGate:
      return limits.gate;
    case task::JobKind::kJoint:
      return limits.joint;
    case task::JobKind::kEvaluate:
      return limits.evaluate;
    case task::JobKind::kExport:
      return limits.export_;
    case task::JobKind::kReport:
      return limits.report;
  }
  return 0;
}

}  // namespace

void SetTimeLimits(const spec::MaxDuration& limits, Dag* dag) {
  dag->max_duration_s = limits.run;
  for (JobNode& job : dag->jobs) {
    const auto kind = task::JobKindOf(job.kind);
    job.max_duration_s = kind.has_value() ? LimitOf(*kind, limits) : 0;
  }
}

}  // namespace braid::recipe
