// Whether an update may happen to the rows as they are: in memory what write.cc, the constraints
// and the triggers say in SQL. Asked before an update is applied, so that a decision that was wrong
// is taken back before the transaction of others would fail with it.
#pragma once

#include "base/status.h"
#include "storage/catalog/update.h"

namespace braid::catalog {

// OK iff the catalog would take it (but for its disk and its lock). kAborted (STALE_LEASE) where a
// row is not there or not in the expected state, kFailedPrecondition for a row that exists already
// or a value that no column holds.
Status Check(const Update& update, const Image& image);

}  // namespace braid::catalog
