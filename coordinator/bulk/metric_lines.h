// The metric points of one job over its attempts: each attempt has its own file of JSON lines, and
// if several attempts ran the same step, the latest one counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coordinator/bulk/append_files.h"
#include "task/keys.h"

namespace braid::coordinator {

// The values that an attempt reported after one step, by their names, such as "loss".
struct MetricPoint {
  int64_t step = 0;
  std::map<std::string, double> values;
  int64_t epoch = 0;
  int64_t time_ms = 0;  // when the worker heard of it, since 1970; 0: an earlier version did not
                        // say
};

// Reads the metric lines of a job, each once. Incomplete lines are read later; lines that are not
// metrics are skipped.
class MetricReader {
 public:
  // `files` outlives the reader. The names of its files are those of MetricsName.
  MetricReader(const AppendFiles* files, task::JobKey job) : files_(files), job_(std::move(job)) {}

  // Points that are new since the last call, of epochs 1 to `epochs`, in order of (step, epoch); of
  // a step that several attempts of this call have, the latest only.
  Result<std::vector<MetricPoint>> Next(int64_t epochs);

 private:
  const AppendFiles* files_;
  task::JobKey job_;
  std::map<int64_t, uint64_t> read_;  // epoch -> offset
};

// "{"step": n, "time_ms": n, "values": {...}}", in which the time may be missing; kInvalidArgument
// otherwise. Numbers that are not finite are left
// out of JSON by the writer, as null.
Result<MetricPoint> ParseMetricLine(std::string_view line);

}  // namespace braid::coordinator
