// The coordinator's end of a worker's session, as the core sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/catalog/records.h"

namespace braid::coordinator {

// One rank that a worker should be running (RankAssignment of the API).
struct Assignment {
  catalog::AttemptKey attempt;
  int64_t rank = 0;
  int64_t world = 1;
  std::string kind;
  std::string spec;
  catalog::StringMap inputs;
  std::string checkpoint;
  int64_t slots = 1;
  std::string device;
  bool stop = false;
  int64_t stop_deadline_ms = 0;
  std::string stop_reason;
  std::string recipe_sha256;
  bool operator==(const Assignment&) const = default;
};

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
