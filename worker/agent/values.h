// The values that a worker's decisions are made of and about: ranks, what the coordinator assigns,
// and what the worker says of itself. Plain data; the rpc layer converts it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace braid::worker {

// One process of one attempt of a job.
struct RankKey {
  std::string run;
  std::string job;
  int64_t epoch = 0;
  int32_t rank = 0;

  auto operator<=>(const RankKey&) const = default;
  // "run/job#epoch.rank"
  std::string ToString() const {
    return run + "/" + job + "#" + std::to_string(epoch) + "." + std::to_string(rank);
  }
};

// How a rank ended (ReportEnded of worker.proto).
struct RankEnd {
  bool success = false;
  std::vector<std::pair<std::string, std::string>> outputs;  // role, manifest JSON
  std::string summary;                                       // JSON
  std::string category, error, hint;
  std::string reason;  // STORAGE_FULL: no room on this worker's disk; otherwise empty
  bool deterministic = false;
  int exit_code = 0;
  int signal = 0;
  std::string log_tail;
  bool peer_lost = false;
};

// One rank that this worker should be running (RankAssignment of worker.proto).
struct Assignment {
  RankKey key;
  int32_t world = 1;
  std::string kind;
  std::string spec;                           // JSON
  std::map<std::string, std::string> inputs;  // role -> artifact id
  std::string checkpoint;                     // artifact id to resume from, or empty
  int32_t slots = 1;                          // CPU cores, or GPUs if `device` is "cuda"
  std::string device = "cpu";
  bool stop = false;                  // wind down: checkpoint, stop, report
  int64_t stop_deadline_ms = 30'000;  // how long that may take, from receipt
  std::string recipe_sha256;          // for the manifests of its outputs
};

// A GPU that this worker announced and must not use, because another worker has it.
struct RefusedGpu {
  std::string uuid;
  std::string reason;  // for people
  bool operator==(const RefusedGpu&) const = default;
};

// Everything that the coordinator wants of this worker (DesiredState of worker.proto).
struct DesiredState {
  int64_t version = 0;
  std::vector<Assignment> ranks;  // all that should run; everything else must stop
  std::vector<RefusedGpu> refused_gpus;
  int64_t heartbeat_interval_ms = 5'000;
  int64_t isolation_timeout_ms = 24 * 3'600'000;
};

// What a rank says of itself, for heartbeats.
struct RankProgress {
  bool running = false;  // its program has been started
  std::string phase, unit;
  int64_t done = 0, total = 0;
  double tokens_per_s = 0, eta_s = 0;
  int64_t time_ms = 0;  // wall clock of the program's last word

  bool operator==(const RankProgress&) const = default;
};

struct RankStatus {
  RankKey key;
  RankProgress progress;
};

// One message of the worker on its session (WorkerSignal of worker.proto). Who sends it adds the
// identity of the worker to a hello, and the free bytes of its disk.
struct Signal {
  bool hello = false;             // the first of its session
  int64_t assigned_version = 0;   // newest desired state that `ranks` takes into account
  std::vector<RankStatus> ranks;  // the whole inventory
  bool draining = false;
};

}  // namespace braid::worker
