// Runs as /api/v1/runs has shown them since before the whole API was there as JSON.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace braid::coordinator {

class Core;

// {"runs": [...]}, without their jobs.
Result<Json> RunsJson(Core* core);
// The run of an id, a prefix or a name, with its jobs. kNotFound.
Result<Json> RunJson(const std::string& id, Core* core);

}  // namespace braid::coordinator
