// The part of the command line of a pool's workers that is the same for all engines.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pool/settings.h"

namespace braid::pool {

// The options that say what the worker takes and how long it waits for it, with their values.
std::vector<std::pair<std::string, std::string>> StayOptions(const Settings& settings);

// The program and its options as words of a shell, without --id, --dir, --gpus and --max-time.
std::string WorkerWords(const Settings& settings);

}  // namespace braid::pool
