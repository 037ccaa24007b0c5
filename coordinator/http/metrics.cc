#include "coordinator/http/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

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

// The buckets of each histogram, cumulated as Prometheus has them; it adds the one without bound.
MetricFamily HistogramFamily(const std::string& name, const std::string& help,
                             const std::map<Labels, const Histogram*>& values) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = MetricType::Histogram;
  for (const auto& [labels, value] : values) {
    ClientMetric metric;
    for (const auto& [key, label] : labels) metric.label.push_back({key, label});
    metric.histogram.sample_count = static_cast<uint64_t>(value->count());
    metric.histogram.sample_sum = value->sum();
    uint64_t below = 0;
    for (size_t i = 0; i < value->bounds().size(); ++i) {
      below += static_cast<uint64_t>(value->counts()[i]);
      metric.histogram.bucket.push_back({below, value->bounds()[i]});
    }
    family.metric.push_back(std::move(metric));
  }
  return family;
}

std::map<Labels, const Histogram*> ByKind(const std::map<std::string, Histogram>& histograms) {
  std::map<Labels, const Histogram*> values;
  for (const auto& [kind, histogram] : histograms) values[{{"kind", kind}}] = &histogram;
  return values;
}

std::map<Labels, const Histogram*> ByMethod(const CallDurations::Totals& totals) {
  std::map<Labels, const Histogram*> values;
  for (const auto& [call, histogram] : totals.calls) {
    values[{{"method", call.first}, {"code", std::string(StatusCodeName(call.second))}}] =
        &histogram;
  }
  return values;
}

std::map<Labels, const Histogram*> ByDirection(
    const std::map<TransferDirection, Histogram>& histograms) {
  std::map<Labels, const Histogram*> values;
  for (const auto& [direction, histogram] : histograms)
    values[{{"direction", NameOf(direction)}}] = &histogram;
  return values;
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

template <class AnyState>
std::string StateName(int state) {
  return std::string(Name(static_cast<AnyState>(state)));
}

// How many jobs wait for which reason, and how long the oldest of them does. Of a group of jobs
// that wait for the same reason only the first of each line is looked at: it was submitted before
// the others.
void CountPending(const State& state, int64_t now_ms, std::map<Labels, double>* pending,
                  double* oldest_s) {
  const auto add = [&](scheduler::Reason reason, size_t jobs, int64_t since_ms) {
    (*pending)[{{"reason", NameOf(reason)}}] += static_cast<double>(jobs);
    *oldest_s = std::max(*oldest_s, static_cast<double>(now_ms - since_ms) / 1000);
  };
  for (const auto& [key, view] : state.pending.jobs) {
    if (state.queued().contains(key)) add(view.reason, 1, view.since_ms);
  }
  for (const auto& [demands, group] : state.queued().groups()) {
    const auto view = state.pending.groups.find(demands);
    if (view == state.pending.groups.end()) continue;
    int64_t first_ms = now_ms;
    for (const auto& [user, line] : group.lines) {
      if (const JobRecord* job = state.FindJob({line.begin()->run, line.begin()->job}))
        first_ms = std::min(first_ms, QueuedMs(*job, state));
    }
    add(view->second.reason, state.pending.WithReasonOf(demands, group.jobs),
        std::max(first_ms, view->second.since_ms));
  }
}

// What adds up to a mean.
struct Sum {
  double sum = 0;
  int64_t count = 0;
};
std::map<Labels, double> MeansOf(const std::map<Labels, Sum>& sums) {
  std::map<Labels, double> means;
  for (const auto& [labels, of] : sums) means[labels] = of.sum / static_cast<double>(of.count);
  return means;
}

// How busy the workers of each site are that have said so. By site and not by worker: these may be
// thousands, and come and go.
struct SiteLoads {
  std::map<Labels, Sum> cpu, gpu;
  std::map<Labels, double> memory_used, memory, gpu_memory_used, gpu_memory;

  // The site and host of machines that are counted: several workers of one have one memory.
  std::set<std::pair<std::string, std::string>> machines;

  void Add(const catalog::WorkerRecord& worker, const std::optional<task::MachineLoad>& load) {
    constexpr double kMib = 1 << 20;
    if (!load.has_value()) return;
    const Labels labels{{"site", worker.site}};
    const auto note = [&](std::map<Labels, Sum>& sums, const std::optional<int64_t>& percent) {
      if (!percent.has_value()) return;
      sums[labels].sum += static_cast<double>(*percent) / 100;
      ++sums[labels].count;
    };
    note(cpu, load->cpu_percent);
    if (machines.emplace(worker.site, worker.host).second) {
      memory_used[labels] += kMib * static_cast<double>(load->memory_used_mib);
      memory[labels] += kMib * static_cast<double>(load->memory_mib);
    }
    for (const task::GpuLoad& one : load->gpus) {
      note(gpu, one.busy_percent);
      gpu_memory_used[labels] += kMib * static_cast<double>(one.memory_used_mib);
      gpu_memory[labels] += kMib * static_cast<double>(one.memory_mib);
    }
  }
};

}  // namespace

Result<std::string> MetricsText(Core* core, const CallDurations* calls, trace::Exporter* spans,
                                const LoadTable* loads) {
  SiteLoads busy;
  std::map<Labels, double> jobs, runs, attempts, workers, slots, pending, traffic;
  double oldest_pending_s = 0, artifact_bytes = 0, events = 0, quarantined = 0;
  BRAID_RETURN_IF_ERROR(core->Query([&](const State& state) {
    const int64_t now_ms = core->options().clock->WallMs();
    const int64_t loaded_ms = SystemClock().MonotonicMs();
    const catalog::RowCounts totals = state.Totals();
    for (const auto& [row, count] : totals.jobs) {
      jobs[{{"kind", row.first}, {"state", StateName<JobState>(row.second)}}] = static_cast<double>(
          count);
    }
    for (const auto& [run_state, count] : totals.runs)
      runs[{{"state", std::string(Name(run_state))}}] = static_cast<double>(count);
    for (const auto& [row, count] : totals.attempts) {
      attempts[{{"state", StateName<AttemptState>(row.second)}, {"category", row.first}}] =
          static_cast<double>(count);
    }
    for (const auto& [id, worker] : state.image().workers) {
      const auto live = state.workers.find(id);
      const auto link = live == state.workers.end() ? scheduler::Link::kOffline : live->second.link;
      ++workers[{{"link", LinkName(link)},
                 {"admit", std::string(Name(worker.admit))},
                 {"site", worker.site}}];
      quarantined += live != state.workers.end() && live->second.quarantined ? 1 : 0;
      if (loads != nullptr) busy.Add(worker, loads->Newest(id, loaded_ms));
      slots[{{"device", "cpu"}}] += static_cast<double>(worker.cpu_slots);
      slots[{{"device", "cuda"}}] += static_cast<double>(worker.gpus.size());
    }
    for (const auto& [key, counted] : state.image().traffic) {
      traffic[{{"site", key.site}, {"way", NameOf(key.way)}, {"class", NameOf(key.of)}}] =
          static_cast<double>(counted.bytes);
    }
    CountPending(state, now_ms, &pending, &oldest_pending_s);
    artifact_bytes = static_cast<double>(totals.artifact_bytes);
    events = static_cast<double>(state.image().last_seq);
  }));
  const CoreCounters counters = core->counters();
  std::map<Labels, const Histogram*> durations;
  for (const auto& [row, histogram] : counters.durations.attempts) {
    durations[{{"kind", row.first}, {"state", std::string(Name(row.second))}}] = &histogram;
  }
  const auto totals = calls == nullptr ? CallDurations::Totals() : calls->totals();
  const auto sent = spans == nullptr ? trace::SpanCounters() : spans->counters();
  const auto one = [](double value) { return std::map<Labels, double>{{{}, value}}; };
  const std::vector<MetricFamily> families = {
      Family("braid_jobs", "Jobs by kind and state", MetricType::Gauge, jobs),
      Family("braid_runs", "Runs by state", MetricType::Gauge, runs),
      Family("braid_attempts", "Attempts by state and category of failure", MetricType::Gauge,
             attempts),
      Family("braid_workers", "Registered workers by link, admission and site", MetricType::Gauge,
             workers),
      Family("braid_workers_quarantined",
             "Workers that get no new jobs because several in a row failed there",
             MetricType::Gauge, one(quarantined)),
      Family("braid_slots", "Slots of all registered workers", MetricType::Gauge, slots),
      Family("braid_site_cpu_busy_ratio",
             "In which share of the time cores were busy, the mean of a site's workers",
             MetricType::Gauge, MeansOf(busy.cpu)),
      Family("braid_site_memory_used_bytes", "Memory in use on the workers of a site",
             MetricType::Gauge, busy.memory_used),
      Family("braid_site_memory_bytes", "Memory of the workers of a site", MetricType::Gauge,
             busy.memory),
      Family("braid_site_gpu_busy_ratio",
             "In which share of the time GPUs computed, the mean of those of a site",
             MetricType::Gauge, MeansOf(busy.gpu)),
      Family("braid_site_gpu_memory_used_bytes", "GPU memory in use on the workers of a site",
             MetricType::Gauge, busy.gpu_memory_used),
      Family("braid_site_gpu_memory_bytes", "GPU memory of the workers of a site",
             MetricType::Gauge, busy.gpu_memory),
      Family("braid_site_bytes_total",
             "Bytes of files that workers of a site have sent, fetched, or fetched from each "
             "other or from the bucket, by way and class",
             MetricType::Counter, traffic),
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
      HistogramFamily("braid_core_commit_duration_seconds", "How long single commits took",
                      {{{}, &counters.commits}}),
      HistogramFamily("braid_job_queue_wait_seconds",
                      "From when a job could run until its first attempt was granted, by kind; "
                      "pauses count",
                      ByKind(counters.durations.queue_wait)),
      HistogramFamily("braid_attempt_start_seconds",
                      "From the grant of an attempt until its program ran, by kind; its inputs are "
                      "fetched meanwhile",
                      ByKind(counters.durations.start)),
      HistogramFamily("braid_attempt_duration_seconds",
                      "From then until the attempt ended, by kind and state", durations),
      HistogramFamily("braid_rpc_duration_seconds",
                      "How long calls with one reply took, by method and code", ByMethod(totals)),
      HistogramFamily("braid_transfer_duration_seconds",
                      "How long uploads and downloads of files took that ended well, by direction",
                      ByDirection(totals.transfers)),
      HistogramFamily("braid_transfer_size_bytes", "How many bytes each of them moved",
                      ByDirection(totals.transferred)),
      Family("braid_trace_spans_total", "Spans for the collector of traces, by what became of them",
             MetricType::Counter,
             {{{{"result", "sent"}}, static_cast<double>(sent.sent)},
              {{{"result", "dropped"}}, static_cast<double>(sent.dropped)}}),
  };
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace braid::coordinator
