#include "coordinator/bulk/metric_lines.h"

#include <limits>

#include "base/json.h"
#include "coordinator/bulk/bulk_names.h"

namespace braid::coordinator {

Result<MetricPoint> ParseMetricLine(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer() ||
      !json.contains("values") || !json["values"].is_object()) {
    return InvalidArgument("not a metric line: " + std::string(line.substr(0, 80)));
  }
  MetricPoint point;
  point.step = json["step"].get<int64_t>();
  if (const auto time = json.find("time_ms"); time != json.end() && time->is_number_integer())
    point.time_ms = time->get<int64_t>();
  for (const auto& [name, value] : json["values"].items()) {
    if (value.is_number()) point.values[name] = value.get<double>();
    if (value.is_null()) point.values[name] = std::numeric_limits<double>::quiet_NaN();
  }
  return point;
}

Result<std::vector<MetricPoint>> MetricReader::Next(int64_t epochs) {
  std::map<int64_t, MetricPoint> by_step;
  for (int64_t epoch = 1; epoch <= epochs; ++epoch) {
    const std::string name = MetricsName({job_.run, job_.job, epoch});
    uint64_t& offset = read_[epoch];
    const uint64_t size = files_->Size(name);
    if (size <= offset) continue;
    BRAID_ASSIGN_OR_RETURN(const std::string text, files_->Read(name, offset, size - offset));
    std::string_view rest(text);
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      auto point = ParseMetricLine(rest.substr(0, end));
      if (point.ok()) {
        point->epoch = epoch;
        // Epochs rise, so the later attempt's point stays.
        by_step[point->step] = std::move(*point);
      }
      rest.remove_prefix(end + 1);
    }
    // The rest is an incomplete line, which is read again later.
    offset += text.size() - rest.size();
  }
  std::vector<MetricPoint> points;
  for (auto& [step, point] : by_step) points.push_back(std::move(point));
  return points;
}

}  // namespace braid::coordinator
