// The tables of the catalog, as numbered steps. A file's user_version says how many of them it has
// seen.
#pragma once

#include "base/status.h"
#include "storage/catalog/database.h"

namespace braid::catalog {

// What this program writes.
int64_t SchemaVersion();

// Brings the file to SchemaVersion(), each step in one transaction, after a copy of an older file
// was put beside it
// (<path>.v<old>). kFailedPrecondition for a file of a newer braid, or of another program.
Status Migrate(Database& database, const std::string& path);

}  // namespace braid::catalog
