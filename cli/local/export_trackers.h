// Exporting metrics to trackers that have Python packages alone: done by braid's client for Python.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// A Python that has the package braid_client: of the active virtual environment, else the first
// python3 of PATH. kNotFound, with what to install, if neither has it; `words` are those of
// `python3 -m braid_client.export` for the message.
Result<std::string> PythonWithClient(const std::vector<std::string>& words);

// Becomes `python3 -m braid_client.export WORDS`, which asks the coordinator of `globals`. With -o
// json, runs it and prints {"exported": [...]} instead. Returns the exit code, or why it could not
// be run.
Result<int> ExportWithClient(const Globals& globals, const std::vector<std::string>& words);

}  // namespace braid::cli
