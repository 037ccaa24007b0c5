// The description of a job for those who run it, and the order to a worker to run one rank of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "task/keys.h"
#include "task/requirements.h"

namespace braid::task {

// A job as the catalog stores it and as assignments carry it.
struct JobSpec : Requirements {
  // The settings of the job, as a JSON object whose fields depend on the kind
  // (docs/tasks.md).
  std::string spec;
  // The artifact id of each input, by its role; filled once all parents have succeeded.
  std::map<std::string, std::string> inputs;
  bool operator==(const JobSpec&) const = default;
};

// One rank that a worker should be running. The message of the API is RankAssignment; it carries
// everything except `across_sites` and `memory_bytes`, which matter only when workers are chosen,
// and `site`, unless something of the job is bound to it.
struct Assignment : JobSpec {
  RankKey key;
  // The id of the checkpoint artifact to resume from; empty: begin anew.
  std::string checkpoint;
  // The worker should stop the rank: the program writes a checkpoint, ends, and its end is
  // reported.
  bool stop = false;
  // How long stopping may take, counted from the receipt of the order; then the program is killed.
  int64_t stop_timeout_ms = 0;
  // The digest of the run's recipe, for the manifests of the outputs.
  std::string recipe_sha256;
  // The ranks run on several hosts and meet at the addresses that their workers advertise;
  // otherwise on the loopback interface.
  bool across_hosts = false;
  // The span of the attempt, as W3C's traceparent: the rank's own are below it. Empty: a
  // coordinator from before this field.
  std::string traceparent;
  bool operator==(const Assignment&) const = default;
};

}  // namespace braid::task
