// The session of a worker as the core sees it: a place to push the worker's DesiredState to. The
// gRPC stream implements it (coordinator/sessions), and so do tests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/core/peers.h"
#include "storage/catalog/records.h"
#include "task/assignment.h"

namespace braid::task {
struct RunSummary;  // task/run_summary.h
}

namespace braid::coordinator {

using task::Assignment;
using task::RunSummary;

// A GPU that a worker announced but may not use, because another worker owns it
// (coordinator/core/gpus.h).
struct RefusedGpu {
  catalog::GpuRecord gpu;
  // Id of the worker that owns it.
  std::string owner;
  // A sentence for people.
  std::string reason;
  bool operator==(const RefusedGpu&) const = default;
};

// The complete set of ranks that one worker should run: ranks that are not in it are to be stopped
// and forgotten. Because each set is complete, a worker may miss any number of them. Versions rise,
// also across restarts of the coordinator.
struct Desired {
  int64_t version = 0;
  std::vector<Assignment> ranks;
  std::vector<RefusedGpu> refused_gpus;
  // Workers of other hosts to try; null for none (NamePeers).
  std::shared_ptr<const std::vector<Peer>> peers;
  // What the worker need not keep any more, of what is bound to its site.
  std::vector<std::string> released;
  // For ranks of kinds `report` and `export`, whose programs write about their run.
  std::map<task::RankKey, std::shared_ptr<const RunSummary>> run_summaries;
};

// Both functions are called by the core's thread and must not block or throw.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  // Sends the set to the worker. Only the newest one matters: an older one that was not sent yet
  // may be dropped.
  virtual void Push(std::shared_ptr<const Desired> desired) = 0;
  // Another session has taken over this worker's id; the stream is to end with `why` as its error.
  virtual void Replaced(const std::string& why) = 0;
};

}  // namespace braid::coordinator
