// Checks whether an update may be applied to the rows as they are: the conditions that write.cc,
// the constraints and the triggers express in SQL, repeated for the rows in memory. They are
// checked before an update is applied, so that a wrong decision is taken back alone instead of
// failing the transaction that it shares with others.
#pragma once

#include "base/status.h"
#include "storage/catalog/update.h"

namespace braid::catalog {

// OK iff the catalog would accept the update (the state of its disk and lock aside). kAborted
// (STALE_LEASE) if a row does not exist or is not in the expected state; kFailedPrecondition for a
// row that exists already and for a value that no column can hold.
Status Check(const Update& update, const Image& image);

}  // namespace braid::catalog
