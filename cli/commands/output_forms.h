// Which commands print comma-separated values and names.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/status.h"

namespace braid::cli {

// kInvalidArgument, with the forms that there are, if the command prints nothing as `form` says: a
// value of -o. Every command may be asked for a table, JSON or YAML.
Status CheckOutputForm(const CLI::App& command, const std::string& form);

}  // namespace braid::cli
