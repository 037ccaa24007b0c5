// The programs of a local service and their command lines.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/local/child.h"
#include "cli/local/service.h"

namespace braid::cli {

// The coordinator, then the workers, with their state and logs in `dir`. None is started yet.
std::vector<std::unique_ptr<Child>> MakeChildren(const std::string& dir,
                                                 const ServiceOptions& options);

}  // namespace braid::cli
