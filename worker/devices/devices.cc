#include "worker/devices/devices.h"

#include <dlfcn.h>
#include <sched.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iterator>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "worker/devices/nvml.h"

namespace braid::worker {
namespace {

// A GPU that exists but cannot be used is reported in the log, because somebody expects it to be
// used.
void Warn(const Nvml& nvml, const std::string& what, int error) {
  Log(LogLevel::kWarning, "worker",
      what + ": " +
          (nvml.error_text != nullptr ? nvml.error_text(error) : "error " + std::to_string(error)) +
          " (NVML)");
}

std::optional<Gpu> Describe(const Nvml& nvml, NvmlDevice device) {
  char uuid[96] = "", name[96] = "";
  NvmlMemory memory{};
  if (const int error = nvml.uuid(device, uuid, sizeof uuid); error != 0) {
    Warn(nvml, "a GPU without a UUID is not used", error);
    return std::nullopt;
  }
  (void)nvml.name(device, name, sizeof name);
  (void)nvml.memory(device, &memory);  // not every device supports it
  return Gpu{uuid, name, memory.total};
}

// The instances of a GPU, or nullopt if it is whole.
std::optional<std::vector<Gpu>> Instances(const Nvml& nvml, NvmlDevice device, const Gpu& gpu) {
  unsigned now = 0, later = 0, most = 0;
  if (nvml.mig_mode == nullptr || nvml.mig_mode(device, &now, &later) != 0 || now == 0)
    return std::nullopt;
  std::vector<Gpu> instances;
  if (nvml.mig_count(device, &most) != 0) most = 0;
  for (unsigned i = 0; i < most; ++i) {
    NvmlDevice part = nullptr;
    if (nvml.mig_handle(device, i, &part) != 0) continue;  // the numbers have gaps
    std::optional<Gpu> instance = Describe(nvml, part);
    if (!instance.has_value()) continue;
    if (instance->name.empty()) instance->name = gpu.name;
    instance->parent = gpu.uuid;
    unsigned number = 0, compute = 0;
    if (nvml.instance(part, &number) == 0 && nvml.compute_instance(part, &compute) == 0) {
      instance->numbers = Format("MIG-%s/%u/%u", gpu.uuid.c_str(), number, compute);
    }
    instances.push_back(std::move(*instance));
  }
  return instances;
}

std::vector<Gpu> List(const Nvml& nvml) {
  std::vector<Gpu> gpus;
  unsigned count = 0;
  if (nvml.count(&count) != 0) count = 0;
  for (unsigned i = 0; i < count; ++i) {
    NvmlDevice device = nullptr;
    if (const int error = nvml.handle(i, &device); error != 0) {
      Warn(nvml, "GPU " + std::to_string(i) + " is not used", error);
      continue;
    }
    std::optional<Gpu> gpu = Describe(nvml, device);
    if (!gpu.has_value()) continue;
    std::vector<Gpu> parts = Instances(nvml, device, *gpu).value_or(std::vector<Gpu>{*gpu});
    for (Gpu& part : parts) {
      part.index = i;
      part.model = gpu->name;
      gpus.push_back(std::move(part));
    }
  }
  return gpus;
}

// The number that CUDA reads at the beginning of an element ("1gpu" is 1), or -1. Like CUDA, it
// accepts a sign.
int64_t NumberOf(std::string_view element) {
  const std::string text(Trim(element));
  const size_t digits = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  if (digits >= text.size() || std::isdigit(static_cast<unsigned char>(text[digits])) == 0)
    return -1;
  return std::strtoll(text.c_str(), nullptr, 10);
}

// What a UUID or the beginning of one names: a GPU, an instance, or, by the UUID of their GPU, all
// its instances. Empty if that is nothing, or more than one thing; a whole UUID is never more than
// one.
std::vector<Gpu> ByUuid(const std::vector<Gpu>& gpus, std::string_view name) {
  std::map<std::string, std::vector<Gpu>> things;
  for (const Gpu& gpu : gpus) {
    if (gpu.uuid == name || gpu.numbers == name) return {gpu};
    if (gpu.uuid.starts_with(name)) {
      things[gpu.uuid] = {gpu};
    } else if (!gpu.parent.empty() && gpu.parent.starts_with(name)) {
      things[gpu.parent].push_back(gpu);
    }
  }
  if (const auto exact = things.find(std::string(name)); exact != things.end())
    return exact->second;
  return things.size() == 1 ? things.begin()->second : std::vector<Gpu>();
}

std::vector<Gpu> ByNumber(const std::vector<Gpu>& gpus, int64_t number) {
  std::vector<Gpu> found;
  std::copy_if(gpus.begin(), gpus.end(), std::back_inserter(found),
               [&](const Gpu& gpu) { return gpu.index == number; });
  return found;
}

bool OfOneKind(const std::vector<Gpu>& gpus) {
  return std::all_of(gpus.begin(), gpus.end(),
                     [&](const Gpu& gpu) { return gpu.model == gpus.front().model; });
}

std::string ListText(const std::vector<Gpu>& gpus) {
  std::vector<std::string> texts;
  for (const Gpu& gpu : gpus) texts.push_back(gpu.uuid + " (" + gpu.name + ")");
  return texts.empty() ? "no GPU" : Join(texts, ", ");
}

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

int32_t UsableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int32_t cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  // In a container the affinity mask shows all cores of the machine; the limit is in cgroup v2's
  // cpu.max, as "<quota> <period>" in microseconds, or "max <period>".
  if (const auto limit = ReadFile("/sys/fs/cgroup/cpu.max"); limit.ok()) {
    const std::vector<std::string> parts = Split(Trim(*limit), ' ');
    if (parts.size() == 2 && parts[0] != "max") {
      const double quota = std::atof(parts[0].c_str()) / std::max(1.0, std::atof(parts[1].c_str()));
      cores = std::min(cores, std::max(1, static_cast<int32_t>(quota)));
    }
  }
  return std::max(1, cores);
}

int32_t ThreadsOfGpuJob(int32_t cores, size_t gpus) {
  return std::clamp(cores / std::max(1, static_cast<int32_t>(gpus)), 1, 8);
}

std::vector<Gpu> FindGpus(const std::string& library) {
  std::vector<Gpu> gpus;
  Nvml nvml{};
  if (OpenNvml(library, &nvml)) {
    const int error = nvml.init();
    if (error == 0) {
      gpus = List(nvml);
      nvml.shutdown();
    } else {
      Warn(nvml, "no GPU is used, for the driver cannot be asked", error);
    }
  }
  if (nvml.library != nullptr) dlclose(nvml.library);
  return gpus;
}

Result<std::vector<Gpu>> VisibleGpus(const std::vector<Gpu>& gpus,
                                     const std::optional<std::string>& value,
                                     const std::optional<std::string>& order) {
  if (!value.has_value()) return gpus;
  // As in CUDA, the first element decides whether the list has numbers or UUIDs; an element of the
  // other form is invalid.
  const std::string_view prefix = value->starts_with("GPU-")   ? "GPU-"
                                  : value->starts_with("MIG-") ? "MIG-"
                                                               : "";
  std::vector<Gpu> visible;
  std::set<std::string> seen;
  for (const std::string& element : Split(*value, ',')) {
    std::vector<Gpu> named;
    if (prefix.empty()) {
      named = ByNumber(gpus, NumberOf(element));
      if (!named.empty() && !OfOneKind(gpus) && order != "PCI_BUS_ID") {
        return FailedPrecondition(
            "CUDA_VISIBLE_DEVICES=" + *value +
            " gives numbers, and the GPUs here are of different kinds: CUDA numbers them by "
            "speed, which cannot be known without it; set CUDA_DEVICE_ORDER=PCI_BUS_ID, or give "
            "UUIDs: " +
            ListText(gpus));
      }
    } else if (element.starts_with(prefix)) {
      named = ByUuid(gpus, element);
    }
    if (named.empty()) break;
    if (!seen.insert(named[0].uuid).second) return std::vector<Gpu>();
    visible.push_back(named[0]);
  }
  return visible;
}

Result<std::vector<Gpu>> ChooseGpus(const std::vector<Gpu>& visible, const std::string& choice) {
  if (choice == "all") return visible;
  if (choice == "none") return std::vector<Gpu>();
  std::vector<Gpu> chosen;
  for (const std::string& element : Split(choice, ',')) {
    const std::string_view uuid = Trim(element);
    const std::vector<Gpu> named = uuid.empty() ? std::vector<Gpu>() : ByUuid(visible, uuid);
    if (named.empty()) {
      return InvalidArgument("--gpus " + choice + ": \"" + std::string(uuid) +
                             "\" names none, or not one alone, of what is visible here: " +
                             ListText(visible) + ". Give all, none, or UUIDs with commas between");
    }
    for (const Gpu& gpu : named) {
      if (std::find(chosen.begin(), chosen.end(), gpu) != chosen.end()) {
        return InvalidArgument("--gpus " + choice + ": names " + gpu.uuid + " twice");
      }
      chosen.push_back(gpu);
    }
  }
  return chosen;
}

Result<std::vector<Gpu>> GpusForWorker(const std::string& choice, const std::string& library) {
  if (choice == "none") return std::vector<Gpu>();
  BRAID_ASSIGN_OR_RETURN(const std::vector<Gpu> visible,
                         VisibleGpus(FindGpus(library), Variable("CUDA_VISIBLE_DEVICES"),
                                     Variable("CUDA_DEVICE_ORDER")));
  return ChooseGpus(visible, choice);
}

}  // namespace braid::worker
