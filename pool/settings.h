// The settings of a pool: its batch system, its limits, and how its workers are started. They are
// stored in a file in the pool's folder at its site.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "pool/kubernetes_settings.h"

namespace braid::pool {

// The settings of one pool, as `braid pool create` makes them.
struct Settings {
  std::string name;
  // 8 random digits, made once, unless they are given: jobs of another pool of this name, of
  // another project of the same user, are not taken for its own.
  std::string mark;
  // slurm, kubernetes, or local: the agent starts workers on its own machine.
  std::string engine = "slurm";
  // The most workers at a time, waiting ones included.
  int64_t max_workers = 4;
  // The slots of one worker, which are also requested from the engine.
  int64_t cpu_slots = 1;
  int64_t gpus = 0;
  // The main memory of one worker (pool/memory.h), which is also requested: "64Gi". Empty: what the
  // engine gives (slurm), the machine has (local), or 4Gi for each CPU (kubernetes).
  std::string memory;
  // Of the workers: their site, the kinds of jobs that they take (empty: all), how long they stay
  // without work, and the folder in which each makes its own. The last may contain variables, which
  // the shell of the batch job replaces: "${TMPDIR:-/tmp}". Empty: workers/ in the pool's folder
  // (local), or a volume that lives as long as the pod (kubernetes).
  std::string site;
  std::vector<std::string> kinds;
  std::string until_idle = "60s";
  std::string worker_dir = "${TMPDIR:-/tmp}";
  std::vector<std::string> data_roots;
  // From where they may fetch corpora, as braid-worker --fetch-from takes it.
  std::vector<std::string> fetch_from;

  // Passed on to Slurm as they are; empty: Slurm's own defaults.
  std::string account, partition, qos, constraint, gres;
  // How long a worker stays at most, as Slurm writes it; empty: no limit of the pool.
  std::string time;
  KubernetesSettings kubernetes;
  // Further words for sbatch, last.
  std::vector<std::string> extra;
  // Lines of shell before the worker starts: modules, for example.
  std::vector<std::string> setup;

  // How the workers reach the coordinator: its address file or its address, its token, and the
  // authority of its certificate. Absolute paths, readable on the nodes.
  std::string address_file, coordinator, token_file, ca;
  // The program, on the nodes.
  std::string worker_program;

  bool operator==(const Settings&) const = default;
};

// Checks the settings. kInvalidArgument names the option of `braid pool create` and the values that
// are possible.
Status Check(const Settings& settings);

// The file of a pool's folder that has its settings.
inline constexpr char kSettingsFile[] = "pool.json";
// Read and write that file in a pool's folder. Errors name the path.
Result<Settings> ReadSettings(const std::string& folder);
Status WriteSettings(const std::string& folder, const Settings& settings);

}  // namespace braid::pool
