// The memory of a pool's workers, as people write it and as engines want it.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "pool/settings.h"

namespace braid::pool {

// The bytes of an amount as Kubernetes writes it: 500M, 64Gi, 1.5Gi; or with a B behind the unit.
// kInvalidArgument for anything else, and for less than 1Mi.
Result<int64_t> ParseMemory(const std::string& text);

// What a worker of the pool has for its jobs, in bytes; 0: the engine decides, and it is not known
// before a worker is there.
int64_t MemoryOfWorker(const Settings& settings);

// That as Kubernetes has it: "64Gi". Without --memory, 4Gi for each CPU.
std::string QuantityOfWorker(const Settings& settings);

// The option of sbatch for so many workers: of one its memory, of several that of each CPU, as
// Slurm may put some of them on one node. Empty without --memory.
std::string SlurmMemory(const Settings& settings, int64_t workers);

}  // namespace braid::pool
