// The part of the command line of a pool's workers that is the same for all engines.
#pragma once

#include <string>

#include "pool/settings.h"

namespace braid::pool {

// The program and its options as words of a shell, without --id, --dir, --gpus and --max-time.
std::string WorkerWords(const Settings& settings);

}  // namespace braid::pool
