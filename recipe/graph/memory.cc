#include "recipe/graph/memory.h"

#include <cstdint>

#include "task/job_kind.h"

namespace braid::recipe {
namespace {

int64_t MemoryOf(task::JobKind kind, const spec::Memory& memory) {
  switch (kind) {
    case task::JobKind::kTokenizer:
      return memory.tokenizer;
    case task::JobKind::kPrepare:
      return memory.prepare;
    case task::JobKind::kTrain:
      return memory.train;
    case task::JobKind::kMerge:
      return memory.merge;
    case task::JobKind::kGate:
      return memory.gate;
    case task::JobKind::kJoint:
      return memory.joint;
    case task::JobKind::kEvaluate:
      return memory.evaluate;
    case task::JobKind::kExport:
      return memory.export_;
    case task::JobKind::kReport:
      return memory.report;
  }
  return 0;
}

}  // namespace

void SetMemory(const spec::Memory& memory, Dag* dag) {
  for (JobNode& job : dag->jobs) {
    const auto kind = task::JobKindOf(job.kind);
    job.memory_bytes = kind.has_value() ? MemoryOf(*kind, memory) : 0;
  }
}

}  // namespace braid::recipe
