// The programs of a local service and their command lines.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/local/child.h"
#include "cli/local/service.h"

namespace braid::cli {

// The programs stand in options.bin. A coordinator that is started again keeps the ports that
// clients know, unless they are taken; workers find it by its address file.
//
// The coordinator, then the workers, with their state and logs in `dir`. None is started yet.
std::vector<std::unique_ptr<Child>> MakeChildren(const std::string& dir,
                                                 const ServiceOptions& options);

}  // namespace braid::cli
