// The metrics of jobs as curves that fit on a screen. Of each value, a bounded number of columns is
// kept, each with the lowest and the highest of its points, so that a spike is seen however long
// the training is.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/bulk/append_files.h"
#include "coordinator/bulk/log_reader.h"
#include "coordinator/bulk/metric_lines.h"

namespace braid::coordinator {

// Some neighbouring points of a value.
struct CurveColumn {
  int64_t step = 0;   // of the first point
  double tokens = 0;  // trained on up to that point; NaN: unknown
  double low = 0, high = 0;
  double sum = 0;  // of `count` points
  int64_t count = 0;
};

// One value over the steps of a job. Points that are not finite are left out.
class Curve {
 public:
  static constexpr size_t kMostColumns = 1024;

  // Appends a point. REQUIRES: `step` is larger than all earlier ones.
  void Add(int64_t step, double tokens, double value);
  // Forgets the points from `step` on, but for those that share a column with earlier ones.
  void TruncateAt(int64_t step);
  // At most `columns` columns (at least 1), in the order of their steps.
  std::vector<CurveColumn> Columns(size_t columns) const;
  // The number of points that were added, and the value of the last one.
  int64_t points() const { return points_; }
  double last() const { return last_; }

 private:
  std::vector<CurveColumn> columns_;
  int64_t per_column_ = 1;  // points of a full column
  int64_t points_ = 0;
  double last_ = 0;
};

// All curves of one job, over its attempts. Not thread-safe.
class JobCurves {
 public:
  static constexpr size_t kMostNames = 256;  // values beyond are left out

  // Reads the lines that attempts 1 to `epochs` have written since the last call.
  Status ReadOn(const AppendFiles& files, const task::JobKey& job, int64_t epochs);
  // Adds one point. A point of a later attempt replaces the points of earlier attempts from its
  // step on.
  void Add(const MetricPoint& point);

  // The curves, by the names of the values.
  const std::map<std::string, Curve>& curves() const { return curves_; }
  // The step of the newest point; -1 if there is none.
  int64_t last_step() const { return last_step_; }
  // Rises with every point.
  int64_t version() const { return version_; }
  // The approximate memory of the object, in bytes.
  size_t bytes() const;

 private:
  // A value of the line that is being read.
  struct Value {
    std::string_view name;
    double value = 0;
  };
  void AddLine(std::string_view line, int64_t epoch);
  void AddPoint(int64_t step, int64_t epoch, const std::vector<Value>& values);
  Curve* CurveOf(size_t place, std::string_view name);
  static bool Scan(std::string_view line, int64_t* step, std::vector<Value>* values);

  std::vector<Value> values_;  // of the line that is being read
  // Lines name the same values in the same order, mostly: the curve of each place.
  std::vector<std::pair<std::string, Curve*>> places_;
  std::map<std::string, Curve> curves_;
  std::map<int64_t, uint64_t> read_;  // epoch -> offset
  int64_t epoch_ = 0;                 // of the newest point
  int64_t last_step_ = -1;
  int64_t version_ = 0;
};

// A query for the curves of a job.
struct CurveRequest {
  std::vector<std::string> names;  // empty: all
  size_t columns = 800;
};
// One curve of the answer.
struct NamedCurve {
  std::string name;
  std::vector<CurveColumn> columns;
  int64_t points = 0;
  double last = 0;
};
// The answer to a CurveRequest.
struct CurvesOfJob {
  std::vector<std::string> names;  // of all curves of the job
  std::vector<NamedCurve> curves;
  int64_t last_step = -1;
  int64_t version = 0;
};

// A cache of the curves of recently queried jobs. Thread-safe; different jobs are read in parallel.
class CurveCache {
 public:
  // `files` outlives it. At most about `most_bytes` are kept besides what is in use.
  explicit CurveCache(const AppendFiles* files, size_t most_bytes = size_t{128} << 20)
      : files_(files), most_bytes_(most_bytes) {}

  // Reads new metric lines of the job and answers the query.
  Result<CurvesOfJob> Read(const JobStanding& job, const CurveRequest& request);
  // The approximate memory of all cached curves, in bytes.
  size_t bytes();

 private:
  struct Entry {
    Mutex mutex;
    JobCurves curves BRAID_GUARDED_BY(mutex);
    size_t bytes = 0;  // as counted in bytes_; guarded by the cache's mutex
    std::list<std::string>::iterator place;
  };
  std::shared_ptr<Entry> Take(const std::string& name);
  void Count(const std::string& name, const std::shared_ptr<Entry>& entry, size_t bytes);

  const AppendFiles* const files_;
  const size_t most_bytes_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_ BRAID_GUARDED_BY(mutex_);
  std::list<std::string> newest_ BRAID_GUARDED_BY(mutex_);  // the one asked for last in front
  size_t bytes_ BRAID_GUARDED_BY(mutex_) = 0;
};

}  // namespace braid::coordinator
