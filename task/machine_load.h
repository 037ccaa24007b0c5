// How busy a worker's machine is, as its heartbeats say.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace braid::task {

// A GPU, or an instance of one that is divided.
struct GpuLoad {
  // In which share of the time it computed; absent where the driver does not say (MIG instances).
  std::optional<int64_t> busy_percent;
  // Of its memory, by all programs; 0 and 0: not known.
  int64_t memory_used_mib = 0;
  int64_t memory_mib = 0;
  bool operator==(const GpuLoad&) const = default;
};

// What the worker may use of its machine: its cores and its memory, or those of its container.
struct MachineLoad {
  // In which share of the time since the measurement before the cores were busy; absent: not known.
  std::optional<int64_t> cpu_percent;
  // In use by all programs, files that are kept for reading left out; 0 and 0: not known.
  int64_t memory_used_mib = 0;
  int64_t memory_mib = 0;
  // In the order in which the worker announced its GPUs.
  std::vector<GpuLoad> gpus;
  bool operator==(const MachineLoad&) const = default;
};

}  // namespace braid::task
