// Request ids: the same id with the same body gets the same answer for a day, also across restarts.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

struct RequestId {
  std::string method;
  std::string id;    // empty: not idempotent, always decided
  std::string body;  // what must be the same
};

// Decides once per request id; the answer is stored in the same transaction. Another body is
// kInvalidArgument (REQUEST_ID_REUSED). Errors are not remembered.
Result<std::string> DecideIdempotently(
    const RequestId& request, Transaction& tx,
    const std::function<Result<std::string>(Transaction&)>& decide);

}  // namespace braid::coordinator
