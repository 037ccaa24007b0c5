// The coordinator's end of a worker's session, as the core sees it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/catalog/records.h"
#include "task/assignment.h"

namespace braid::coordinator {

using task::Assignment;

struct RunSummary;  // run_summary.h

// A GPU that a worker announced and that is another worker's.
struct RefusedGpu {
  catalog::GpuRecord gpu;
  std::string owner;
  std::string reason;  // for people
  bool operator==(const RefusedGpu&) const = default;
};

// The full set for one worker. Versions rise, also across restarts of the coordinator.
struct Desired {
  int64_t version = 0;
  std::vector<Assignment> ranks;
  std::vector<RefusedGpu> refused_gpus;
  // Of the ranks whose programs write about their run (reports, exports): what is known of it.
  std::map<task::RankKey, std::shared_ptr<const RunSummary>> run_summaries;
};

// Called by the core's thread; must not block.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  // Only the newest matters; one that was not sent yet may be forgotten.
  virtual void Push(std::shared_ptr<const Desired> desired) = 0;
  // Another session took this worker's id. The stream ends.
  virtual void Replaced(const std::string& why) = 0;
};

}  // namespace braid::coordinator
