// The tables of the catalog, as numbered migration steps. A file's user_version is the number of
// steps that were applied to it.
#pragma once

#include "base/status.h"
#include "storage/catalog/database.h"

namespace braid::catalog {

// The version that this program reads and writes: the number of steps.
int64_t SchemaVersion();

// Brings the file at `path` to SchemaVersion(), each step in a transaction of its own. A file of an
// earlier version is copied to <path>.v<version> first. kFailedPrecondition for a file that a newer
// version of braid or another program wrote.
Status Migrate(Database& database, const std::string& path);

}  // namespace braid::catalog
