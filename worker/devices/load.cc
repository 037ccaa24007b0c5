#include "worker/devices/load.h"

#include <dlfcn.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "worker/devices/nvml.h"

namespace braid::worker {
namespace {

constexpr uint64_t kMib = 1 << 20;
constexpr int64_t kFirstIntervalMs = 1'000;

std::optional<uint64_t> NumberIn(std::string_view text) {
  text = Trim(text);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::string TextOf(const std::string& folder, const std::string& name) {
  const Result<std::string> text = ReadFile(JoinPath(folder, name));
  return text.ok() ? *text : "";
}

// The cores of this process's affinity mask.
std::set<int> OwnCores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::set<int> cores;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) cores.insert(core);
  }
  return cores;
}

// The folders of this process's cgroup and of those around it, the innermost first. In a container
// with a namespace of its own that is the folder where they are mounted; in a job of a batch
// system, or a service of systemd, one below it.
std::vector<std::string> CgroupFolders(const LoadSources& sources) {
  std::string path;
  for (const std::string& line : Split(TextOf(sources.proc, "self/cgroup"), '\n')) {
    if (line.starts_with("0::/")) path = line.substr(3);
  }
  while (path.ends_with('/')) path.pop_back();
  // One outside of this namespace, or of another mount, is not seen here.
  if (path.find("..") != std::string::npos || !PathExists(sources.cgroup + path)) path.clear();
  std::vector<std::string> folders;
  for (; !path.empty(); path.resize(path.rfind('/'))) folders.push_back(sources.cgroup + path);
  folders.push_back(sources.cgroup);
  return folders;
}

// How many cores' time the cgroup may use; nullopt without a limit. cpu.max has "<quota> <period>"
// in microseconds.
std::optional<double> CoresOfCgroup(const std::string& folder) {
  const std::vector<std::string> parts = Split(Trim(TextOf(folder, "cpu.max")), ' ');
  if (parts.size() != 2) return std::nullopt;
  const auto quota = NumberIn(parts[0]), period = NumberIn(parts[1]);
  if (!quota.has_value() || !period.has_value() || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

int64_t Percent(double part, double whole) {
  return whole <= 0 ? 0
                    : std::clamp<int64_t>(static_cast<int64_t>(100 * part / whole + 0.5), 0, 100);
}

void ReadMemory(const LoadSources& sources, task::MachineLoad* load) {
  const std::string info = TextOf(sources.proc, "meminfo");
  const auto total_kib = ValueOf(info, "MemTotal"), free_kib = ValueOf(info, "MemAvailable");
  if (!total_kib.has_value() || !free_kib.has_value()) return;
  uint64_t total = *total_kib * 1024;
  uint64_t used = total - std::min(total, *free_kib * 1024);
  // The smallest limit is the one that counts, with what is used of it.
  for (const std::string& folder : CgroupFolders(sources)) {
    const auto most = NumberIn(TextOf(folder, "memory.max"));
    const auto current = NumberIn(TextOf(folder, "memory.current"));
    if (!most.has_value() || !current.has_value() || *most >= total) continue;
    total = *most;
    const uint64_t files = ValueOf(TextOf(folder, "memory.stat"), "inactive_file").value_or(0);
    used = *current - std::min(*current, files);
  }
  load->memory_mib = static_cast<int64_t>(total / kMib);
  load->memory_used_mib = static_cast<int64_t>(used / kMib);
}

}  // namespace

int64_t MachineMemory(const LoadSources& sources) {
  const uint64_t kib = ValueOf(TextOf(sources.proc, "meminfo"), "MemTotal").value_or(0);
  uint64_t total = kib * 1024;
  for (const std::string& folder : CgroupFolders(sources)) {
    const auto most = NumberIn(TextOf(folder, "memory.max"));
    if (most.has_value() && *most < total) total = *most;
  }
  return static_cast<int64_t>(total);
}

std::optional<CpuTimes> CpuTimesOf(std::string_view stat, const std::set<int>& cores) {
  // cpuN user nice system idle iowait irq softirq steal guest guest_nice: guests are in user and
  // nice, too.
  constexpr size_t kIdle = 3, kWaiting = 4, kColumns = 8;
  std::optional<CpuTimes> times;
  for (const std::string& line : Split(stat, '\n')) {
    if (!line.starts_with("cpu")) continue;
    std::vector<std::string> words = Split(line, ' ');
    const auto core = NumberIn(std::string_view(words[0]).substr(3));
    if (!core.has_value() || !cores.contains(static_cast<int>(*core))) continue;
    if (!times.has_value()) times.emplace();
    for (size_t i = 0; i < kColumns && i + 1 < words.size(); ++i) {
      const uint64_t ticks = NumberIn(words[i + 1]).value_or(0);
      times->all += ticks;
      if (i != kIdle && i != kWaiting) times->busy += ticks;
    }
  }
  return times;
}

std::optional<uint64_t> ValueOf(std::string_view text, std::string_view name) {
  for (const std::string& line : Split(text, '\n')) {
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    const char next = line[name.size()];
    if (next == ' ' || next == ':') return NumberIn(line.substr(name.size() + 1));
  }
  return std::nullopt;
}

// The GPUs at the driver, found once.
class LoadMeter::Gpus {
 public:
  Gpus(const std::vector<std::string>& uuids, const std::string& library) : loads_(uuids.size()) {
    nvml_ = {};
    if (uuids.empty() || !OpenNvml(library, &nvml_) || nvml_.handle_by_uuid == nullptr) return;
    open_ = nvml_.init() == 0;
    for (const std::string& uuid : uuids) {
      NvmlDevice device = nullptr;
      if (open_ && nvml_.handle_by_uuid(uuid.c_str(), &device) != 0) device = nullptr;
      devices_.push_back(device);
    }
  }
  ~Gpus() {
    if (open_) nvml_.shutdown();
    if (nvml_.library != nullptr) dlclose(nvml_.library);
  }
  Gpus(const Gpus&) = delete;
  Gpus& operator=(const Gpus&) = delete;

  // In the order of the UUIDs; what the driver does not say is not there.
  std::vector<task::GpuLoad> Read() {
    for (size_t i = 0; i < devices_.size(); ++i) {
      loads_[i] = {};
      if (devices_[i] == nullptr) continue;
      NvmlMemory memory{};
      if (nvml_.memory(devices_[i], &memory) == 0) {
        loads_[i].memory_mib = static_cast<int64_t>(memory.total / kMib);
        loads_[i].memory_used_mib = static_cast<int64_t>(memory.used / kMib);
      }
      NvmlUtilization busy{};
      if (nvml_.utilization != nullptr && nvml_.utilization(devices_[i], &busy) == 0)
        loads_[i].busy_percent = std::min<int64_t>(100, busy.gpu);
    }
    return loads_;
  }

 private:
  Nvml nvml_;
  bool open_ = false;
  std::vector<NvmlDevice> devices_;
  std::vector<task::GpuLoad> loads_;
};

LoadMeter::LoadMeter(std::vector<std::string> gpus, LoadSources sources)
    : sources_(std::move(sources)), gpus_(std::make_unique<Gpus>(gpus, sources_.nvml)) {}

LoadMeter::~LoadMeter() = default;

std::optional<int64_t> LoadMeter::CpuPercent(int64_t now_ms) {
  const std::optional<CpuTimes> before = times_;
  const std::optional<uint64_t> used_before_us = used_us_;
  const std::string limited_before_by = limited_by_;
  const int64_t passed_ms = now_ms - read_ms_;
  times_ = CpuTimesOf(TextOf(sources_.proc, "stat"), OwnCores());
  std::optional<double> cores;
  limited_by_.clear();
  for (const std::string& folder : CgroupFolders(sources_)) {
    const std::optional<double> here = CoresOfCgroup(folder);
    if (!here.has_value() || (cores.has_value() && *here >= *cores)) continue;
    cores = here;
    limited_by_ = folder;
  }
  used_us_ = limited_by_.empty() ? std::nullopt
                                 : ValueOf(TextOf(limited_by_, "cpu.stat"), "usage_usec");
  read_ms_ = now_ms;
  // With a limit of its own, a container's time is what counts, and not that of its host.
  if (cores.has_value() && used_us_.has_value()) {
    if (!used_before_us.has_value() || limited_by_ != limited_before_by || passed_ms <= 0)
      return std::nullopt;
    const uint64_t used = *used_us_ - std::min(*used_us_, *used_before_us);
    return Percent(static_cast<double>(used), static_cast<double>(passed_ms) * 1000 * *cores);
  }
  if (!before.has_value() || !times_.has_value() || times_->all <= before->all) return std::nullopt;
  const uint64_t busy = times_->busy - std::min(times_->busy, before->busy);
  return Percent(static_cast<double>(busy), static_cast<double>(times_->all - before->all));
}

task::MachineLoad LoadMeter::Read(int64_t now_ms) {
  task::MachineLoad load;
  load.cpu_percent = CpuPercent(now_ms);
  ReadMemory(sources_, &load);
  load.gpus = gpus_->Read();
  return load;
}

// What the thread and the object share; the thread may outlive the object for as long as a driver
// hangs.
struct LoadWatch::Shared {
  Mutex mutex;
  CondVar changed;
  bool stop BRAID_GUARDED_BY(mutex) = false;
  bool ended BRAID_GUARDED_BY(mutex) = false;
  std::optional<task::MachineLoad> measured BRAID_GUARDED_BY(mutex);

  // Keeps what was measured and waits so long; false once it is to end.
  bool KeepAndWait(task::MachineLoad load, int64_t wait_ms) {
    MutexLock lock(mutex);
    measured = std::move(load);
    const int64_t until_ms = SystemClock().MonotonicMs() + wait_ms;
    for (int64_t left_ms = wait_ms; !stop && left_ms > 0;
         left_ms = until_ms - SystemClock().MonotonicMs())
      changed.WaitFor(mutex, left_ms);
    return !stop;
  }
};

LoadWatch::LoadWatch(std::vector<std::string> gpus, LoadSources sources)
    : shared_(std::make_shared<Shared>()) {
  std::thread([shared = shared_, gpus = std::move(gpus), sources = std::move(sources)]() mutable {
    {
      LoadMeter meter(std::move(gpus), std::move(sources));
      // The first measurement has nothing to compare the cores with: the second comes soon.
      int64_t wait_ms = kFirstIntervalMs;
      while (shared->KeepAndWait(meter.Read(SystemClock().MonotonicMs()), wait_ms))
        wait_ms = kIntervalMs;
    }
    MutexLock lock(shared->mutex);
    shared->ended = true;
    shared->changed.NotifyAll();
  }).detach();
}

LoadWatch::~LoadWatch() {
  // A driver that hangs must not keep the worker from ending.
  constexpr int64_t kPatienceMs = 2'000;
  const int64_t until_ms = SystemClock().MonotonicMs() + kPatienceMs;
  MutexLock lock(shared_->mutex);
  shared_->stop = true;
  shared_->changed.NotifyAll();
  for (int64_t left_ms = kPatienceMs; !shared_->ended && left_ms > 0;
       left_ms = until_ms - SystemClock().MonotonicMs())
    shared_->changed.WaitFor(shared_->mutex, left_ms);
}

std::optional<task::MachineLoad> LoadWatch::TakeNew() {
  MutexLock lock(shared_->mutex);
  return std::exchange(shared_->measured, std::nullopt);
}

}  // namespace braid::worker
