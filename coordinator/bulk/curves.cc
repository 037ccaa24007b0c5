#include "coordinator/bulk/curves.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <system_error>
#include <utility>

#include "coordinator/bulk/bulk_names.h"
#include "coordinator/bulk/curve_file.h"

namespace braid::coordinator {
namespace {

// How much of a file is in memory at once, however long the training was.
constexpr uint64_t kCurvePiece = JobCurves::kMarkBytes;
constexpr char kTokens[] = "tokens";

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

void Absorb(const CurveColumn& more, CurveColumn* column) {
  column->low = std::min(column->low, more.low);
  column->high = std::max(column->high, more.high);
  column->sum += more.sum;
  column->count += more.count;
}

}  // namespace

void Curve::Add(int64_t step, double tokens, double value, int64_t time_ms) {
  // It would widen the band without end, or make it nothing.
  if (!std::isfinite(value)) return;
  ++points_;
  last_ = value;
  const CurveColumn point{step, tokens, time_ms, value, value, value, 1};
  if (!columns_.empty() && columns_.back().count < per_column_)
    return Absorb(point, &columns_.back());
  columns_.push_back(point);
  if (columns_.size() <= kMostColumns) return;
  // Twice as many points in each column from now on.
  std::vector<CurveColumn> halved;
  for (const CurveColumn& column : columns_) {
    if (!halved.empty() && halved.back().count + column.count <= 2 * per_column_)
      Absorb(column, &halved.back());
    else
      halved.push_back(column);
  }
  columns_ = std::move(halved);
  per_column_ *= 2;
}

void Curve::TruncateAt(int64_t step) {
  // A column that begins before `step` stays, with what it has of later steps: single points cannot
  // be taken out of its band.
  while (!columns_.empty() && columns_.back().step >= step) {
    points_ -= columns_.back().count;
    columns_.pop_back();
  }
}

std::vector<CurveColumn> Curve::Columns(size_t columns) const {
  const size_t most = std::max<size_t>(1, columns);
  if (columns_.size() <= most) return columns_;
  // Neighbours are joined and not picked, so that each spike is still within some band.
  const size_t each = (columns_.size() + most - 1) / most;
  std::vector<CurveColumn> joined;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i % each == 0)
      joined.push_back(columns_[i]);
    else
      Absorb(columns_[i], &joined.back());
  }
  return joined;
}

namespace {

// Calls `add` for each whole line of the file from `*offset` on, until it returns false, and moves
// the offset behind what was read. A last line without its end is still being written, and is read
// again the next time. `piece` is called before each piece of the file.
Status EachLine(const AppendFiles& files, const std::string& name, uint64_t* offset,
                const std::function<void()>& piece,
                const std::function<bool(std::string_view)>& add) {
  while (true) {
    piece();
    BRAID_ASSIGN_OR_RETURN(const std::string text, files.Read(name, *offset, kCurvePiece));
    std::string_view rest(text);
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (!add(rest.substr(0, end))) return OkStatus();
      rest.remove_prefix(end + 1);
    }
    const size_t used = text.size() - rest.size();
    if (used == 0) return OkStatus();
    *offset += used;
  }
}

}  // namespace

Status JobCurves::ReadOn(const AppendFiles& files, const task::JobKey& job, int64_t epochs) {
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    // Files of metrics only grow, so reading goes on where it was left.
    ReadFile& read = read_[epoch];
    const auto piece = [&] {
      if (read.marks.empty() || read.offset >= read.marks.back().offset + kMarkBytes)
        read.marks.push_back({read.offset, read.last_step});
    };
    const auto add = [&](std::string_view line) {
      read.last_step = std::max(read.last_step, AddLine(line, epoch, {}));
      return true;
    };
    const std::string name = MetricsName({job.run, job.job, epoch});
    BRAID_RETURN_IF_ERROR(EachLine(files, name, &read.offset, piece, add));
  }
  return OkStatus();
}

Result<JobCurves> JobCurves::Within(const AppendFiles& files, const task::JobKey& job,
                                    const StepRange& range) const {
  // Steps that an earlier attempt made beyond those of a later one do not count any more.
  const StepRange within = {range.begin,
                            range.end <= 0 ? last_step_ : std::min(range.end, last_step_)};
  JobCurves part;
  if (within.begin > within.end) return part;
  for (const auto& [epoch, read] : read_) {
    uint64_t begin = 0;
    for (const Mark& mark : read.marks) {
      if (mark.before < within.begin) begin = mark.offset;
    }
    const auto add = [&, of = epoch](std::string_view line) {
      return part.AddLine(line, of, within) <= within.end;
    };
    const std::string name = MetricsName({job.run, job.job, epoch});
    BRAID_RETURN_IF_ERROR(EachLine(files, name, &begin, [] {}, add));
  }
  return part;
}

int64_t JobCurves::AddLine(std::string_view line, int64_t epoch, const StepRange& range) {
  const auto out = [&](int64_t step) {
    return (range.begin > 0 && step < range.begin) || (range.end > 0 && step > range.end);
  };
  int64_t step = 0, time_ms = 0;
  if (Scan(line, &step, &time_ms, &values_)) {
    if (!out(step)) AddPoint(step, epoch, time_ms, values_);
    return step;
  }
  auto point = ParseMetricLine(line);
  if (!point.ok()) return -1;
  point->epoch = epoch;
  if (!out(point->step)) Add(*point);
  return point->step;
}

// Parses the form in which braid writes lines, several times as fast as a JSON parser. False for
// any other form, which may still be valid JSON.
bool JobCurves::Scan(std::string_view line, int64_t* step, int64_t* time_ms,
                     std::vector<Value>* values) {
  const auto take = [&line](std::string_view text) {
    if (!line.starts_with(text)) return false;
    line.remove_prefix(text.size());
    return true;
  };
  const auto number = [&line](auto* value) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), *value);
    const size_t used = static_cast<size_t>(end - line.data());
    // JSON has no "inf", no "1." and no "01".
    const size_t first = line.starts_with('-') ? 1 : 0;
    const bool json = used > first && IsDigit(line[first]) && IsDigit(line[used - 1]) &&
                      (line[first] != '0' || used == first + 1 || !IsDigit(line[first + 1]));
    if (error != std::errc() || !json) return false;
    line.remove_prefix(used);
    return true;
  };
  values->clear();
  *time_ms = 0;
  if (!take("{\"step\":") || !number(step)) return false;
  if (take(",\"time_ms\":") && !number(time_ms)) return false;
  if (!take(",\"values\":{")) return false;
  while (take("\"")) {
    const size_t end = line.find('"');
    if (end == std::string_view::npos) return false;
    Value value{line.substr(0, end)};
    const bool plain = std::all_of(value.name.begin(), value.name.end(),
                                   [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
    line.remove_prefix(end + 1);
    if (!plain || !take(":")) return false;
    if (take("null"))
      value.value = std::numeric_limits<double>::quiet_NaN();
    else if (!number(&value.value))
      return false;
    values->push_back(value);
    if (!take(",")) break;
    if (!line.starts_with('"')) return false;
  }
  return line == "}}";
}

void JobCurves::Add(const MetricPoint& point) {
  std::vector<Value> values;
  for (const auto& [name, value] : point.values) values.push_back({name, value});
  AddPoint(point.step, point.epoch, point.time_ms, values);
}

// If attempts repeat steps, the latest one counts; later lines of an earlier attempt about these
// steps are ignored.
void JobCurves::AddPoint(int64_t step, int64_t epoch, int64_t time_ms,
                         const std::vector<Value>& values) {
  if (epoch < epoch_ && step <= last_step_) return;
  if (step <= last_step_) {
    for (auto& [name, curve] : curves_) curve.TruncateAt(step);
  }
  epoch_ = std::max(epoch_, epoch);
  last_step_ = step;
  ++version_;
  double tokens = std::numeric_limits<double>::quiet_NaN();
  for (const Value& value : values) {
    if (value.name == kTokens) tokens = value.value;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (Curve* curve = CurveOf(i, values[i].name); curve != nullptr)
      curve->Add(step, tokens, values[i].value, time_ms);
  }
}

// Null: there are too many.
Curve* JobCurves::CurveOf(size_t place, std::string_view name) {
  // Lines of one job have the same values in the same order, so the place within the line mostly
  // finds the curve without a search by name.
  if (place >= places_.size()) places_.resize(place + 1);
  auto& [known, curve] = places_[place];
  if (curve != nullptr && known == name) return curve;
  auto found = curves_.find(std::string(name));
  if (found == curves_.end()) {
    if (curves_.size() >= kMostNames) return nullptr;
    found = curves_.emplace(name, Curve()).first;
  }
  known = name;
  curve = &found->second;
  return curve;
}

uint64_t JobCurves::read_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [epoch, read] : read_) bytes += read.offset;
  return bytes;
}

size_t JobCurves::bytes() const {
  size_t columns = 0;
  for (const auto& [name, curve] : curves_)
    columns += 1 + std::min<size_t>(static_cast<size_t>(curve.points()), Curve::kMostColumns);
  return columns * sizeof(CurveColumn) + 1024;
}

namespace {

void AddWanted(const JobCurves& curves, const CurveRequest& request, CurvesOfJob* answer) {
  for (const auto& [value, curve] : curves.curves()) {
    const bool wanted = request.names.empty() ||
                        std::find(request.names.begin(), request.names.end(), value) !=
                            request.names.end();
    if (wanted)
      answer->curves.push_back(
          {value, curve.Columns(request.columns), curve.points(), curve.last()});
  }
}

}  // namespace

Result<CurvesOfJob> CurveCache::Read(const JobStanding& job, const CurveRequest& request) {
  const std::string name = BulkFolder(job.key);
  const std::shared_ptr<Entry> entry = Take(name);
  CurvesOfJob answer;
  size_t bytes = 0;
  {
    // The job's own lock: reading a long file keeps nobody waiting for another job.
    Entry& locked = *entry;
    MutexLock lock(locked.mutex);
    JobCurves& curves = locked.curves;
    BRAID_RETURN_IF_ERROR(ReadOn(job, locked));
    bytes = curves.bytes();
    answer.last_step = curves.last_step();
    answer.version = curves.version();
    for (const auto& [value, curve] : curves.curves()) answer.names.push_back(value);
    if (request.version != 0 && request.version == answer.version) {
      answer.unchanged = true;
    } else if (request.range.whole()) {
      AddWanted(curves, request, &answer);
    } else {
      BRAID_ASSIGN_OR_RETURN(const JobCurves part, curves.Within(*files_, job.key, request.range));
      AddWanted(part, request, &answer);
    }
  }
  Count(name, entry, bytes);
  return answer;
}

Status CurveCache::ReadOn(const JobStanding& job, Entry& entry) {
  if (!std::exchange(entry.begun, true)) {
    if (auto kept = CurveFile::Read(*files_, job.key); kept.has_value()) {
      entry.curves = *std::move(kept);
      entry.kept_version = entry.curves.version();
    }
  }
  BRAID_RETURN_IF_ERROR(entry.curves.ReadOn(*files_, job.key, job.epoch));
  const bool worth = entry.curves.read_bytes() >= kWorthKeeping;
  if (job.ended && worth && entry.curves.version() != entry.kept_version) {
    // A disk that is full keeps nobody from reading.
    if (CurveFile::Write(entry.curves, job.key, files_).ok())
      entry.kept_version = entry.curves.version();
  }
  return OkStatus();
}

void CurveCache::Keep(const task::AttemptKey& attempt) {
  if (files_->Size(MetricsName(attempt)) < kWorthKeeping) return;
  const JobStanding standing = {attempt.Job(), attempt.epoch, /*ended=*/true};
  (void)Read(standing, {.names = {""}});
}

std::shared_ptr<CurveCache::Entry> CurveCache::Take(const std::string& name) {
  MutexLock lock(mutex_);
  std::shared_ptr<Entry>& entry = entries_[name];
  if (entry == nullptr) {
    entry = std::make_shared<Entry>();
    newest_.push_front(name);
    entry->place = newest_.begin();
  } else {
    newest_.splice(newest_.begin(), newest_, entry->place);
  }
  return entry;
}

void CurveCache::Count(const std::string& name, const std::shared_ptr<Entry>& entry, size_t bytes) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second != entry) return;  // dropped meanwhile
  // Unsigned, but right also if the entry has become smaller.
  bytes_ += bytes - entry->bytes;
  entry->bytes = bytes;
  while (bytes_ > most_bytes_ && newest_.size() > 1) {
    const auto oldest = entries_.find(newest_.back());
    bytes_ -= oldest->second->bytes;
    entries_.erase(oldest);
    newest_.pop_back();
  }
}

size_t CurveCache::bytes() {
  MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace braid::coordinator
