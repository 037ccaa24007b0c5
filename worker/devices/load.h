// How busy this machine is: its cores, its memory and its GPUs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "task/machine_load.h"

namespace braid::worker {

// What cores have done since the machine was started, in ticks of the kernel's clock.
struct CpuTimes {
  uint64_t busy = 0;
  uint64_t all = 0;
  bool operator==(const CpuTimes&) const = default;
};
// Of these cores together, from the text of /proc/stat; nullopt if it has none of them.
std::optional<CpuTimes> CpuTimesOf(std::string_view stat, const std::set<int>& cores);

// The number behind "NAME " or "NAME: " at the beginning of a line, as in /proc/meminfo and the
// files of cgroups; nullopt if there is none.
std::optional<uint64_t> ValueOf(std::string_view text, std::string_view name);

// Where the machine tells of itself.
struct LoadSources {
  std::string proc = "/proc";
  // Where cgroups of version 2 are mounted.
  std::string cgroup = "/sys/fs/cgroup";
  std::string nvml = "libnvidia-ml.so.1";
};

// The main memory of the machine or, if that is less, of the container or the batch job around this
// process; in bytes, 0 if it is not known.
int64_t MachineMemory(const LoadSources& sources);

// Measures. The driver is opened once, for the life of the object. Used by one thread at a time.
class LoadMeter {
 public:
  // `gpus`: UUIDs of the GPUs, or of MIG instances, that are measured.
  LoadMeter(std::vector<std::string> gpus, LoadSources sources);
  ~LoadMeter();
  LoadMeter(const LoadMeter&) = delete;
  LoadMeter& operator=(const LoadMeter&) = delete;

  // The load now; of the cores, since the call before. What cannot be read is left out. `now_ms`
  // is of a monotonic clock. A driver that hangs keeps it waiting.
  task::MachineLoad Read(int64_t now_ms);

 private:
  class Gpus;

  std::optional<int64_t> CpuPercent(int64_t now_ms);

  const LoadSources sources_;
  const std::unique_ptr<Gpus> gpus_;
  // Of the call before; `used_us_` of the cgroup in the folder `limited_by_`.
  std::optional<CpuTimes> times_;
  std::optional<uint64_t> used_us_;
  std::string limited_by_;
  int64_t read_ms_ = 0;
};

// Measures every ten seconds, in a thread of its own: a driver that hangs must not keep heartbeats
// waiting.
class LoadWatch {
 public:
  static constexpr int64_t kIntervalMs = 10'000;

  explicit LoadWatch(std::vector<std::string> gpus, LoadSources sources = {});
  ~LoadWatch();
  LoadWatch(const LoadWatch&) = delete;
  LoadWatch& operator=(const LoadWatch&) = delete;

  // What was measured since the last call, the newest; nullopt: nothing. Thread-safe.
  std::optional<task::MachineLoad> TakeNew();

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace braid::worker
