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

// One call.
struct Asked {
  Identity who;
  std::string peer;    // the caller's address
  std::string call;    // "CancelRun"
  std::string object;  // what it is about, as the caller says
  // Of calls that workers make all the time and `braid events` tells of: only that somebody asked
  // for what is not theirs (kPermissionDenied) is written down.
  bool only_denied = false;
};

// The work, with its row: written if the work changes something. A repeated request, which has been
// answered before, and a preview change nothing.
CoreWork Audited(const std::shared_ptr<const Asked>& asked, CoreWork work);

// The call has failed, or did what the core has no part in: a row of its own, soon. Returns at
// once. Refusals are written up to a number a second, then only counted, and the next row says how
// many were left out: a flood of them neither fills the disk nor stops the loop.
void WriteOutcome(Backend* backend, const Asked& asked, const Status& status);

}  // namespace braid::coordinator
