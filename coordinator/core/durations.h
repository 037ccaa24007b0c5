// How long things took since the process started, for /metrics: counts in buckets, as Prometheus
// has them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/state.h"
#include "storage/catalog/update.h"

namespace braid::coordinator {

// Counts of values by upper bounds.
class Histogram {
 public:
  // `bounds`: upper bounds, ascending; a value above the last one is counted in `count` alone.
  explicit Histogram(const std::vector<double>& bounds) : bounds_(bounds), counts_(bounds.size()) {}

  // Counts a value; one below 0, as of clocks that were set back, is 0.
  void Observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  // The values at or below bounds()[i] and above the bound before it.
  const std::vector<int64_t>& counts() const { return counts_; }
  // Of all values.
  int64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<int64_t> counts_;
  int64_t count_ = 0;
  double sum_ = 0;
};

// Bounds in seconds: of what jobs do, from a tenth of a second to a week; of commits, which are
// measured in whole milliseconds, from 5 ms to 10 s.
const std::vector<double>& JobBounds();
const std::vector<double>& CommitBounds();

class Durations {
 public:
  // There is a histogram for all that can be counted: Prometheus sees the first value of a series
  // only if the series was there before, with 0.
  Durations();

  // Takes in an update that was committed; `state` has it.
  void See(const catalog::Update& update, const State& state);

  // In seconds, by the kind of the job. From when a job could run, all its parents and the rung
  // before it done, until its first attempt was granted; pauses count.
  std::map<std::string, Histogram> queue_wait;
  // From the grant of an attempt until its program ran: inputs are fetched meanwhile.
  std::map<std::string, Histogram> start;
  // From then until its end, by the kind and the state of the attempt.
  std::map<std::pair<std::string, catalog::AttemptState>, Histogram> attempts;
};

}  // namespace braid::coordinator
