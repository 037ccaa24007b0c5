// The audit (storage/catalog/audit.h) of calls that change something: who asked for it, from where,
// and what came of it. The row of a change is in the transaction of the change: there is neither a
// change without a row nor a row of a change that did not happen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "coordinator/access/access.h"
#include "coordinator/api/backend.h"
#include "coordinator/api/changes.h"

namespace braid::coordinator {

// A call as the audit records it.
struct Asked {
  Identity who;
  std::string peer;    // the caller's address
  std::string call;    // "CancelRun"
  std::string object;  // what it is about, as the caller says
  // Write a row only if the call was refused with kPermissionDenied. For calls that workers make
  // all the time, which `braid events` shows anyway.
  bool only_denied = false;
};

// Returns the work with the audit row added to its transaction. The row is written only if the work
// changes something: repeated requests, which get their stored answer, and previews have no row.
CoreWork Audited(const std::shared_ptr<const Asked>& asked, CoreWork work);

// Writes a row for a call that failed, or that had no part in the core. Returns at once; the row
// follows soon. The number of rows per second for refused calls is limited; the next row says how
// many were left out. So a flood of refused calls neither fills the disk nor delays the loop.
void WriteOutcome(Backend* backend, const Asked& asked, const Status& status);

}  // namespace braid::coordinator
