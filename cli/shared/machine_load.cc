#include "cli/shared/machine_load.h"

#include <algorithm>
#include <cmath>

#include "base/excerpt.h"
#include "base/text.h"
#include "cli/shared/braille.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

constexpr int64_t kMib = 1 << 20;

std::string Percent(double value) {
  return std::to_string(static_cast<int64_t>(std::lround(value))) + " %";
}

// `known`: what is not known is sorted last.
Cell PercentCell(bool known, double value) {
  return known ? Cell(Percent(value), value) : Cell("-");
}

Cell ShareCell(int64_t part, int64_t whole) {
  return PercentCell(whole > 0, 100 * static_cast<double>(part) /
                                    static_cast<double>(std::max<int64_t>(1, whole)));
}

std::string MemoryText(int64_t used_mib, int64_t mib) {
  return FormatBytes(static_cast<uint64_t>(used_mib * kMib)) + " of " +
         FormatBytes(static_cast<uint64_t>(mib * kMib));
}

}  // namespace

LoadCells LoadCellsOf(const v1::MachineLoad& load) {
  double busy = 0;
  int64_t busy_gpus = 0, used_mib = 0, mib = 0;
  for (const v1::GpuLoad& gpu : load.gpus()) {
    used_mib += gpu.memory_used_mib();
    mib += gpu.memory_mib();
    if (!gpu.has_busy_percent()) continue;
    busy += gpu.busy_percent();
    ++busy_gpus;
  }
  return {PercentCell(load.has_cpu_percent(), load.cpu_percent()),
          ShareCell(load.memory_used_mib(), load.memory_mib()),
          PercentCell(busy_gpus > 0, busy / static_cast<double>(std::max<int64_t>(1, busy_gpus))),
          ShareCell(used_mib, mib)};
}

std::vector<std::string> LoadLines(const v1::Worker& worker) {
  const v1::MachineLoad& load = worker.load();
  std::vector<std::string> lines;
  if (load.has_cpu_percent()) lines.push_back("CPU " + Percent(load.cpu_percent()) + " busy");
  if (load.memory_mib() > 0)
    lines.push_back("memory " + MemoryText(load.memory_used_mib(), load.memory_mib()) + " in use");
  for (int i = 0; i < load.gpus_size(); ++i) {
    const v1::GpuLoad& gpu = load.gpus(i);
    std::vector<std::string> parts;
    if (gpu.has_busy_percent()) parts.push_back(Percent(gpu.busy_percent()) + " busy");
    if (gpu.memory_mib() > 0)
      parts.push_back("memory " + MemoryText(gpu.memory_used_mib(), gpu.memory_mib()) + " in use");
    const std::string name = i < worker.gpus_size() ? Excerpt(worker.gpus(i).name()) : "";
    if (!parts.empty())
      lines.push_back("GPU " + std::to_string(i) + (name.empty() ? "" : " (" + name + ")") + " " +
                      Join(parts, ", "));
  }
  return lines;
}

std::string LoadCurveText(const google::protobuf::RepeatedField<int32_t>& percent,
                          int64_t piece_ms) {
  constexpr int kColumns = 40;
  std::vector<double> values;
  int32_t least = 100, most = 0;
  for (const int32_t value : percent) {
    if (value < 0) {
      // What was not heard before the first value is no part of the curve.
      if (!values.empty()) values.push_back(std::nan(""));
      continue;
    }
    values.push_back(value);
    least = std::min(least, value);
    most = std::max(most, value);
  }
  if (values.empty()) return "";
  const int64_t minutes = std::max<int64_t>(
      1, static_cast<int64_t>(values.size()) * piece_ms / 60'000);
  return BrailleCurve(values, std::min<int>(kColumns, static_cast<int>(values.size() + 1) / 2), 1)
             .front() +
         "  " + std::to_string(least) + " to " + Percent(most) + " in the last " +
         std::to_string(minutes) + " min";
}

}  // namespace braid::cli
