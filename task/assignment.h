// What a job is to whoever runs it, and what one worker is told to run of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "task/keys.h"

namespace braid::task {

// A job as the catalog keeps it and as assignments carry it.
struct JobSpec {
  std::string kind;                           // docs/tasks.md
  std::string spec;                           // of that kind: JSON
  int64_t ranks = 1;                          // processes that run it together
  int64_t slots = 1;                          // of one rank: CPU cores (threads) or GPUs
  std::string device = "cpu";                 // cpu | cuda
  std::string site;                           // the only site where it may run; empty: anywhere
  std::map<std::string, std::string> inputs;  // role -> artifact id, once all parents have
                                              // succeeded
  bool operator==(const JobSpec&) const = default;
};

// One rank that a worker should be running (RankAssignment of the API, which carries all but the
// site: that was for whoever chose the worker).
struct Assignment : JobSpec {
  RankKey key;
  std::string checkpoint;       // artifact to resume from, or empty
  bool stop = false;            // wind down: write a checkpoint, end, report
  int64_t stop_timeout_ms = 0;  // how long that may take, from receipt; then its program is killed
  std::string recipe_sha256;    // for the manifests of its outputs
  bool operator==(const Assignment&) const = default;
};

}  // namespace braid::task
