#include "cli/local/examine_machine.h"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "base/version.h"

namespace braid::cli {
namespace {

constexpr std::array<const char*, 6> kPrograms = {"braid-coordinator", "braid-worker",
                                                  "braid-prepare",     "braid-trainer",
                                                  "braid-merge",       "braid-report"};
constexpr std::string_view kTrainer = "braid-trainer";
// It loads LibTorch, which takes many seconds from a cold disk.
constexpr int64_t kProgramStartMs = 60'000;
// LibTorch alone takes some hundred MB in each training process.
constexpr uint64_t kLittleMemory = uint64_t{2} << 30;
// The first driver for CUDA 13, with which the plug-in is built.
constexpr int kOldestDriver = 580;
constexpr char kPlugIn[] = "libbraid_trainer_cuda.so";

// What `program --help` ends with: its last line if it fails; empty if it starts.
std::string WhyItDoesNotStart(const std::string& program, const std::string& work) {
  const std::string output = JoinPath(work, "said");
  (void)RemoveFile(output);
  const auto process = Process::Start({{program, "--help"}, {}, output});
  if (!process.ok()) return process.status().message();
  if (!(*process)->Wait(kProgramStartMs)) return "it says nothing for a minute";
  if ((*process)->exit().code == 0 && (*process)->exit().signal == 0) return "";
  const std::string said = ReadFile(output, 1 << 20).ok() ? *ReadFile(output, 1 << 20) : "";
  const std::vector<std::string> lines = Split(Trim(said), '\n');
  return lines.back().empty() ? "it ends at once" : lines.back();
}

// What to do where a program does not start, by its last line.
std::string AdviceOn(const std::string& why, const std::string& path) {
  if (why.find("libtorch") != std::string::npos || why.find("libc10") != std::string::npos)
    return "it loads the PyTorch with which it was built: of the Debian packages, braid-torch "
           "chooses it; elsewhere scripts/setup or pip installs it";
  return "ldd " + path + " names the libraries that are not found; scripts/setup installs them";
}

// "0.1.0" of `program --version`; empty if it does not start.
std::string VersionOf(const std::string& program, const std::string& work) {
  const std::string output = JoinPath(work, "version");
  (void)RemoveFile(output);
  const auto process = Process::Start({{program, "--version"}, {}, output});
  if (!process.ok() || !(*process)->Wait(kProgramStartMs)) return "";
  if ((*process)->exit().code != 0 || (*process)->exit().signal != 0) return "";
  const auto said = ReadFile(output, 1 << 16);
  return said.ok() ? std::string(Trim(*said)) : "";
}

// The number behind `name` in /proc/meminfo, in bytes; 0 if it is not there.
uint64_t MemoryOf(const std::string& text, const std::string& name) {
  const size_t at = text.find(name + ":");
  return at == std::string::npos
             ? 0
             : std::strtoull(text.c_str() + at + name.size() + 1, nullptr, 10) << 10;
}

std::string InstructionSet() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512bf16")) return "AVX-512 with bf16";
  if (__builtin_cpu_supports("avx512f")) return "AVX-512";
  if (__builtin_cpu_supports("avx2")) return "AVX2";
  return "";
#else
  return "no AVX (another kind of processor)";
#endif
}

// The driver's version, "580.65.06", as its kernel module says it; empty without one.
std::string DriverVersion() {
  const auto text = ReadFile("/proc/driver/nvidia/version", 1 << 16);
  if (!text.ok()) return "";
  for (const std::string& word : Split(text->substr(0, text->find('\n')), ' ')) {
    if (!word.empty() && word.find_first_not_of("0123456789.") == std::string::npos &&
        word.find('.') != std::string::npos)
      return word;
  }
  return "of a version that it does not say";
}

// How many GPUs the management library finds; negative: it does not work, and `why` says so.
int CountGpus(std::string* why) {
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    *why = "the library libnvidia-ml.so.1 is not there";
    return -1;
  }
  const auto init = reinterpret_cast<int (*)()>(dlsym(library, "nvmlInit_v2"));
  const auto count = reinterpret_cast<int (*)(unsigned*)>(dlsym(library, "nvmlDeviceGetCount_v2"));
  const auto text = reinterpret_cast<const char* (*)(int)>(dlsym(library, "nvmlErrorString"));
  unsigned gpus = 0;
  int error = init == nullptr || count == nullptr ? 1 : init();
  if (error == 0) error = count(&gpus);
  if (error != 0)
    *why = text != nullptr ? text(error) : "NVML answers with error " + std::to_string(error);
  dlclose(library);
  return error == 0 ? static_cast<int>(gpus) : -1;
}

}  // namespace

std::vector<Diagnosis> ExaminePrograms(const std::string& bin) {
  const auto work = TemporaryFolder::Create();
  if (!work.ok())
    return {{Verdict::kError, "temporary files", work.status().message(),
             "make room in TMPDIR (or /tmp), or name another folder with TMPDIR"}};
  std::vector<Diagnosis> found;
  for (const char* program : kPrograms) {
    const std::string path = JoinPath(bin, program);
    if (!PathExists(path)) {
      // It is a package of its own, which coordinators do without.
      if (program == kTrainer) continue;
      found.push_back(
          {Verdict::kError, "programs", std::string(program) + " is not in " + bin,
           "all programs of braid belong into one folder: build or install them again"});
      continue;
    }
    if (const std::string why = WhyItDoesNotStart(path, work->path()); !why.empty())
      found.push_back({Verdict::kError, "programs",
                       std::string(program) + " does not start: " + why, AdviceOn(why, path)});
  }
  for (const char* program : {"braid-coordinator", "braid-worker"}) {
    const std::string version = VersionOf(JoinPath(bin, program), work->path());
    if (version.empty() || version == kVersion) continue;
    found.push_back(JudgeVersion(program, version, kVersion));
  }
  if (!found.empty()) return found;
  const bool trains = PathExists(JoinPath(bin, std::string(kTrainer)));
  return {{Verdict::kOk, "programs",
           "braid " + std::string(kVersion) + ", and its " +
               std::to_string(kPrograms.size() - (trains ? 0 : 1)) + " other programs start, in " +
               bin + (trains ? "" : "; workers of this machine would need braid-trainer, too"),
           ""}};
}

Diagnosis ExamineMachine() {
  cpu_set_t cores;
  const int usable = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  const auto text = ReadFile("/proc/meminfo", 1 << 16);
  const uint64_t all = text.ok() ? MemoryOf(*text, "MemTotal") : 0;
  const uint64_t free = text.ok() ? MemoryOf(*text, "MemAvailable") : 0;
  const std::string set = InstructionSet();
  Diagnosis found{Verdict::kOk, "machine",
                  std::to_string(usable) + (usable == 1 ? " core" : " cores") + ", " +
                      (set.empty() ? "no AVX2" : set) + ", " + FormatBytes(free) + " of " +
                      FormatBytes(all) + " memory available",
                  ""};
  if (set.empty()) {
    found.verdict = Verdict::kWarning;
    found.advice = "trainings on a processor without AVX2 work, and are several times slower";
  }
  if (free < kLittleMemory) {
    found.verdict = Verdict::kWarning;
    found.advice =
        "a training needs about 16 bytes for each parameter, and as much again for its "
        "activations: end other programs, or start fewer workers (braid up --workers 1)";
  }
  return found;
}

Diagnosis ExamineGpus(const std::string& bin) {
  const std::string driver = DriverVersion();
  Diagnosis found{Verdict::kOk, "GPU", "", ""};
  if (driver.empty()) {
    const bool device = PathExists("/dev/nvidiactl");
    found.found = device ? "there are devices of NVIDIA, and no driver is loaded"
                         : "no driver of NVIDIA is loaded: jobs run on the CPU";
    if (device) {
      found.verdict = Verdict::kWarning;
      found.advice =
          "nvidia-smi says what is wrong with the driver; a container must be started "
          "with its GPUs (--gpus all)";
    }
    return found;
  }
  std::string why;
  const int gpus = CountGpus(&why);
  found.found = "driver " + driver;
  if (gpus < 0) {
    found.verdict = Verdict::kError;
    found.found += ", and " + why;
    found.advice =
        "nvidia-smi says more; driver and library must be of one version, so restart "
        "the machine after an update; a container needs both";
    return found;
  }
  found.found += ", " + std::to_string(gpus) + (gpus == 1 ? " GPU" : " GPUs");
  if (gpus > 0 && std::atoi(driver.c_str()) < kOldestDriver) {
    found.verdict = Verdict::kError;
    found.advice = "the plug-in is built with CUDA 13, which needs a driver of version " +
                   std::to_string(kOldestDriver) + " or newer";
  } else if (gpus > 0 && !PathExists(JoinPath(bin, kPlugIn))) {
    found.verdict = Verdict::kError;
    found.found += "; " + std::string(kPlugIn) + " is not in " + bin;
    found.advice =
        "build where nvcc is found (scripts/setup installs it): without the plug-in, "
        "jobs with device: cuda fail (docs/gpu.md)";
  } else if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
             visible != nullptr && gpus > 0) {
    found.found += ", of which workers started here see CUDA_VISIBLE_DEVICES=" +
                   std::string(visible);
  }
  return found;
}

}  // namespace braid::cli
