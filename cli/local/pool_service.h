// The agent of a pool: a process at the pool's site that reports the state of the pool to the
// coordinator, and requests workers from the batch system when jobs wait for some (pool/agent.h
// decides).
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "cli/shared/globals.h"
#include "pool/settings.h"

namespace braid::cli {

// The folder of a pool below the state folder of `globals`.
std::string PoolFolder(const Globals& globals, const std::string& name);

// Makes the folder and writes the settings, after the engine was asked whether it would take such a
// job; with `check` false it is not asked. kAlreadyExists if there is a pool of this name.
Status CreatePool(const Globals& globals, pool::Settings settings, bool check);

// Intervals and time limits of the agent.
struct PoolTimes {
  // How often the engine's list is read while the pool has jobs there (0: as often as is good for
  // the engine), and how long one of its commands may take.
  int64_t list_every_ms = 0;
  int64_t command_timeout_ms = 60'000;
};

// Serves the pool until SIGINT or SIGTERM, which leave the workers of a batch system alone and end
// those of this machine with checkpoints, or until it is deleted.
// kNotFound if it was not created here, kAlreadyExists if another process serves it.
Result<int> ServePool(const Globals& globals, const std::string& name, const PoolTimes& times);

// Ends the pool's jobs and removes its folder: by the process that serves it, or else by this one.
Result<int> DeletePool(const Globals& globals, const std::string& name, const PoolTimes& times);

}  // namespace braid::cli
