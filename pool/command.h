// Runs a program of the site, such as sbatch, for a limited time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace braid::pool {

// How a program ended.
struct CommandResult {
  int code = 0;
  std::string out;
  std::string err;
};

// Runs `argv`, whose first word is looked up in PATH, until it has ended. Errors: kNotFound ("no
// such program: sbatch") if it is not there; kDeadlineExceeded ("no answer of sbatch in 60 s") if
// it was killed after `timeout_ms`; then its effect is unknown.
Result<CommandResult> RunCommand(const std::vector<std::string>& argv, int64_t timeout_ms);

}  // namespace braid::pool
