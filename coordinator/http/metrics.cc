#include "coordinator/http/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <map>

namespace braid::coordinator {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::map<std::string, std::string>;

// Both members of the metric are set; the serializer takes the one of the family's type.
MetricFamily Family(const std::string& name, const std::string& help, MetricType type,
                    const std::map<Labels, double>& values) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  for (const auto& [labels, value] : values) {
    ClientMetric metric;
    for (const auto& [key, label] : labels) metric.label.push_back({key, label});
    metric.gauge.value = value;
    metric.counter.value = value;
    family.metric.push_back(std::move(metric));
  }
  return family;
}

const char* LinkName(scheduler::Link link) {
  switch (link) {
    case scheduler::Link::kOffline:
      return "OFFLINE";
    case scheduler::Link::kReady:
      return "READY";
    case scheduler::Link::kDisconnected:
      return "DISCONNECTED";
    case scheduler::Link::kLost:
      return "LOST";
  }
  return "";
}

}  // namespace

Result<std::string> MetricsText(Core* core) {
  std::map<Labels, double> jobs, runs, attempts, workers, slots, pending;
  double oldest_pending_s = 0, artifact_bytes = 0, events = 0;
  BRAID_RETURN_IF_ERROR(core->Query([&](const State& state) {
    const int64_t now_ms = core->options().clock->WallMs();
    for (const auto& [key, job] : state.image().jobs) {
      ++jobs[{{"kind", job.kind}, {"state", std::string(Name(job.state))}}];
    }
    for (const auto& [id, run] : state.image().runs)
      ++runs[{{"state", std::string(Name(run.state))}}];
    for (const auto& [key, attempt] : state.image().attempts) {
      ++attempts[{{"state", std::string(Name(attempt.state))},
                  {"category", attempt.failure.category}}];
    }
    for (const auto& [id, worker] : state.image().workers) {
      const auto live = state.workers.find(id);
      const auto link = live == state.workers.end() ? scheduler::Link::kOffline : live->second.link;
      ++workers[{{"link", LinkName(link)},
                 {"admit", std::string(Name(worker.admit))},
                 {"site", worker.site}}];
      slots[{{"device", "cpu"}}] += static_cast<double>(worker.cpu_slots);
      slots[{{"device", "cuda"}}] += static_cast<double>(worker.gpus.size());
    }
    for (const auto& [key, view] : state.pending) {
      ++pending[{{"reason", NameOf(view.reason)}}];
      oldest_pending_s = std::max(oldest_pending_s,
                                  static_cast<double>(now_ms - view.since_ms) / 1000);
    }
    // By the artifacts: files that several have count in each. The store's own size is the file
    // system's.
    for (const auto& [id, artifact] : state.image().artifacts)
      artifact_bytes += artifact.removed_ms > 0 ? 0 : static_cast<double>(artifact.bytes);
    events = static_cast<double>(state.image().last_seq);
  }));
  const CoreCounters counters = core->counters();
  const auto one = [](double value) { return std::map<Labels, double>{{{}, value}}; };
  const std::vector<MetricFamily> families = {
      Family("braid_jobs", "Jobs by kind and state", MetricType::Gauge, jobs),
      Family("braid_runs", "Runs by state", MetricType::Gauge, runs),
      Family("braid_attempts", "Attempts by state and category of failure", MetricType::Gauge,
             attempts),
      Family("braid_workers", "Registered workers by link, admission and site", MetricType::Gauge,
             workers),
      Family("braid_slots", "Slots of all registered workers", MetricType::Gauge, slots),
      Family("braid_pending_jobs", "Jobs that may run and wait, by reason", MetricType::Gauge,
             pending),
      Family("braid_oldest_pending_seconds", "How long the oldest of them waits", MetricType::Gauge,
             one(oldest_pending_s)),
      Family("braid_artifact_bytes",
             "Bytes of all artifacts that are kept, shared files counted in each",
             MetricType::Gauge, one(artifact_bytes)),
      Family("braid_events_total", "Events written", MetricType::Counter, one(events)),
      Family("braid_core_batches_total", "Batches of the core loop", MetricType::Counter,
             one(static_cast<double>(counters.batches))),
      Family("braid_core_commands_total", "Commands decided", MetricType::Counter,
             one(static_cast<double>(counters.commands))),
      Family("braid_core_updates_total", "Updates committed", MetricType::Counter,
             one(static_cast<double>(counters.updates))),
      Family("braid_core_commits_failed_total", "Commits that failed", MetricType::Counter,
             one(static_cast<double>(counters.commits_failed))),
      Family("braid_core_commit_seconds_total", "Time spent in commits", MetricType::Counter,
             one(counters.commit_seconds)),
  };
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace braid::coordinator
