// The environment of the core. Time, random numbers and storage are passed in, so that tests and
// simulations control the clock, the backoff and the faults.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "scheduler/health.h"
#include "scheduler/lease.h"
#include "storage/catalog/store.h"
#include "trace/sampler.h"
#include "trace/span.h"

namespace braid::coordinator {

class QuotaTable;

// The options of the core.
struct Options {
  // Not owned; both outlive the core.
  catalog::Store* store = nullptr;
  const Clock* clock = nullptr;
  // Returns random numbers in [0, 1), which spread the backoff of retries.
  std::function<double()> uniform;
  // Returns a new random run id, such as "r-5f3c9a1b2d4e". Ids that exist already are drawn again.
  std::function<std::string()> run_id;
  // How long a silent worker keeps its leases (scheduler/lease.h).
  scheduler::LeaseOptions lease;
  // When a worker on which jobs fail gets no new ones (scheduler/health.h).
  scheduler::HealthOptions health;
  // The site of the coordinator. Workers of this site are declared lost earlier than others,
  // because no long network connection explains their silence.
  std::string site = "local";
  // Identifies the network namespace of the coordinator's machine. A worker that reports the same
  // one, and no site, belongs to the coordinator's site.
  std::string network;
  // The quotas of users and sites (core/quotas.h), not owned; null: no limits.
  const QuotaTable* quotas = nullptr;
  // How long a gang may make no step while one of its ranks is out of reach. Then it is aborted, so
  // that the other ranks free their slots.
  int64_t gang_patience_ms = 30'000;
  // How many checkpoints a training keeps until it has succeeded, if its recipe does not say; -1:
  // all.
  int64_t keep_checkpoints = 3;
  // How many rows of runs that have ended may be in memory between two steps (core/residents.h).
  // Rows are some KiB; with those that people look at, the others need not be read again and again.
  int64_t ended_rows = 5'000;
  // False: every step of the loop looks at everything, whether it has changed or not. The decisions
  // are the same, which is what tests compare.
  bool only_changes = true;
  // How long the ranks of a cancelled attempt may take to stop before the worker kills them.
  int64_t cancel_deadline_ms = 30'000;
  // The same for an attempt that is stopped for other reasons, which first writes a checkpoint.
  int64_t drain_deadline_ms = 600'000;
  // Whether jobs of a run of higher priority may have running ones of lower priority stopped, and
  // how long these may take to write a checkpoint before the worker kills them.
  bool preempt = false;
  int64_t preempt_grace_ms = 600'000;
  // Takes the spans of runs, jobs and attempts, not owned; null: nobody wants them. Which traces
  // are recorded is decided by the sampler in either case: workers may send spans, too.
  trace::SpanSink* spans = nullptr;
  trace::Sampler sampler;
};

}  // namespace braid::coordinator
