// Runs as /api/v1/runs has shown them since before the whole API was there as JSON.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"
#include "coordinator/api/pages.h"
#include "storage/catalog/reader.h"

namespace braid::coordinator {

class Core;

// {"runs": [...], "nextPageToken": "r-..."}: a page of all runs, newest first, without their jobs
// (api/lists.h). The last page has no token.
Result<Json> RunsJson(const PageRequest& page, const catalog::Reader& reader);
// The run of an id, a prefix or a name, with its jobs. kNotFound.
Result<Json> RunJson(const std::string& id, Core* core);

}  // namespace braid::coordinator
