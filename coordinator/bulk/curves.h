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
  int64_t step = 0;     // of the first point
  double tokens = 0;    // trained on up to that point; NaN: unknown
  int64_t time_ms = 0;  // of that point, since 1970; 0: unknown
  double low = 0, high = 0;
  double sum = 0;  // of `count` points
  int64_t count = 0;
};

// One value over the steps of a job. Points that are not finite are left out.
class Curve {
 public:
  static constexpr size_t kMostColumns = 1024;

  // Appends a point. REQUIRES: `step` is larger than all earlier ones.
  void Add(int64_t step, double tokens, double value, int64_t time_ms = 0);
  // Forgets the points from `step` on, but for those that share a column with earlier ones.
  void TruncateAt(int64_t step);
  // At most `columns` columns (at least 1), in the order of their steps.
  std::vector<CurveColumn> Columns(size_t columns) const;
  // The number of points that were added, and the value of the last one.
  int64_t points() const { return points_; }
  double last() const { return last_; }

 private:
  friend class CurveFile;
  std::vector<CurveColumn> columns_;
  int64_t per_column_ = 1;  // points of a full column
  int64_t points_ = 0;
  double last_ = 0;
};

// Steps of a job, both ends included.
struct StepRange {
  int64_t begin = 0;
  int64_t end = 0;  // 0: to the last
  bool whole() const { return begin <= 0 && end <= 0; }
};

// All curves of one job, over its attempts. Not thread-safe.
class JobCurves {
 public:
  static constexpr size_t kMostNames = 256;  // values beyond are left out
  // How far places of a file are apart at which a range may begin to be read.
  static constexpr uint64_t kMarkBytes = uint64_t{1} << 18;

  // Reads the lines that attempts 1 to `epochs` have written since the last call.
  Status ReadOn(const AppendFiles& files, const task::JobKey& job, int64_t epochs);
  // The curves of a range of steps alone, read from the files again and so finer than those here.
  // Only what ReadOn has read counts.
  Result<JobCurves> Within(const AppendFiles& files, const task::JobKey& job,
                           const StepRange& range) const;
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
  // How much of the metrics it has read.
  uint64_t read_bytes() const;

 private:
  friend class CurveFile;
  // A value of the line that is being read.
  struct Value {
    std::string_view name;
    double value = 0;
  };
  // A place in the metrics of an attempt: all lines before it are of `before` or earlier steps.
  struct Mark {
    uint64_t offset = 0;
    int64_t before = -1;
  };
  // What was read of an attempt.
  struct ReadFile {
    uint64_t offset = 0;
    int64_t last_step = -1;
    std::vector<Mark> marks;
  };
  // Its step; -1 of what is no line of metrics. Of lines out of `range`, nothing is added.
  int64_t AddLine(std::string_view line, int64_t epoch, const StepRange& range);
  void AddPoint(int64_t step, int64_t epoch, int64_t time_ms, const std::vector<Value>& values);
  Curve* CurveOf(size_t place, std::string_view name);
  static bool Scan(std::string_view line, int64_t* step, int64_t* time_ms,
                   std::vector<Value>* values);

  std::vector<Value> values_;  // of the line that is being read
  // Lines name the same values in the same order, mostly: the curve of each place.
  std::vector<std::pair<std::string, Curve*>> places_;
  std::map<std::string, Curve> curves_;
  std::map<int64_t, ReadFile> read_;  // by epoch
  int64_t epoch_ = 0;                 // of the newest point
  int64_t last_step_ = -1;
  int64_t version_ = 0;
};

// A query for the curves of a job.
struct CurveRequest {
  std::vector<std::string> names;  // empty: all
  size_t columns = 800;
  StepRange range;
  // Of an earlier answer: if no point has come since, there are no curves in the answer; 0: none.
  int64_t version = 0;
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
  int64_t version = 0;     // 0: there are no points
  bool unchanged = false;  // since request.version
};

// A cache of the curves of recently queried jobs. Those of jobs that have ended are also kept in a
// file beside their metrics (curve_file.h), so that long metrics are parsed once. Thread-safe;
// different jobs are read in parallel.
class CurveCache {
 public:
  // Metrics that are shorter are parsed as soon as read.
  static constexpr uint64_t kWorthKeeping = uint64_t{1} << 18;
  // `files` outlives it. At most about `most_bytes` are kept besides what is in use.
  explicit CurveCache(AppendFiles* files, size_t most_bytes = size_t{128} << 20)
      : files_(files), most_bytes_(most_bytes) {}

  // Makes the curves of a job, one of whose attempts has ended, and keeps them in their file if
  // that is worth it. What is wrong with the disk is for a later Read to say.
  void Keep(const task::AttemptKey& attempt);

  // Reads new metric lines of the job and answers the query.
  Result<CurvesOfJob> Read(const JobStanding& job, const CurveRequest& request);
  // The approximate memory of all cached curves, in bytes.
  size_t bytes();

 private:
  struct Entry {
    Mutex mutex;
    JobCurves curves BRAID_GUARDED_BY(mutex);
    bool begun BRAID_GUARDED_BY(mutex) = false;        // the file was looked for
    int64_t kept_version BRAID_GUARDED_BY(mutex) = 0;  // that is in the file
    size_t bytes = 0;  // as counted in bytes_; guarded by the cache's mutex
    std::list<std::string>::iterator place;
  };
  std::shared_ptr<Entry> Take(const std::string& name);
  void Count(const std::string& name, const std::shared_ptr<Entry>& entry, size_t bytes);
  Status ReadOn(const JobStanding& job, Entry& entry) BRAID_REQUIRES(entry.mutex);

  AppendFiles* const files_;
  const size_t most_bytes_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_ BRAID_GUARDED_BY(mutex_);
  std::list<std::string> newest_ BRAID_GUARDED_BY(mutex_);  // the one asked for last in front
  size_t bytes_ BRAID_GUARDED_BY(mutex_) = 0;
};

}  // namespace braid::coordinator
