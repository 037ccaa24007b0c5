// A coordinator and workers on this machine, supervised: what `braid up` and `braid down` do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// The options of `braid up`.
struct ServiceOptions {
  int32_t workers = 2;                 // 0: a coordinator alone
  int32_t slots = 1;                   // CPU slots of each worker
  std::string listen = "127.0.0.1:0";  // address of the API; port 0: a free one
  std::string http = "127.0.0.1:0";    // the same of the dashboard and metrics
  std::vector<std::string> tls_names;  // by which the API is reached, besides those of this machine
  std::string bin;                     // folder of the programs; empty: that of this one
  // Of worker-1, as two workers must not have the same: all, none, or UUIDs with commas between.
  std::string gpus = "all";
  // Of all workers. Nobody else needs to reach the ranks of one machine.
  std::string advertise = "none";
  // Below which workers may read corpora in place, from where they may fetch them, and further
  // names of this machine for HTTP.
  std::vector<std::string> data_roots, fetch_from, http_hosts;
  // Of each worker, as braid-worker --cache-limit takes it; empty: its default.
  std::string cache_limit;
  std::vector<std::string> coordinator_words;  // further flags of braid-coordinator
};

// Starts all of it in globals.dir and keeps it running until SIGINT, SIGTERM or SIGHUP; then ends
// it, with time for checkpoints. An error: the folder is in use or is not this user's, or a program
// cannot start, with the last line of its log.
Result<int> RunInForeground(const Globals& globals, const ServiceOptions& options);

// The same in a session of its own that outlives this process; returns when everything is ready.
Result<int> RunDetached(const Globals& globals, const ServiceOptions& options);

// Ends what RunDetached or RunInForeground of another process keeps running in globals.dir; returns
// when all of it is gone. kNotFound if nothing is up there.
Result<int> Down(const Globals& globals);

}  // namespace braid::cli
