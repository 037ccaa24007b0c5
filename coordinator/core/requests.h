// Idempotent requests: a request id that is used again with the same body gets the stored answer,
// for a day and across restarts of the coordinator. A client may therefore repeat a request whose
// answer it did not receive.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "coordinator/core/transaction.h"

namespace braid::coordinator {

// A request of a client.
struct RequestId {
  std::string method;
  // Chosen by the client; empty if the request is not idempotent, and then each one is decided.
  std::string id;
  // The serialised request. The same id with another body is an error.
  std::string body;
};

// Returns the stored answer of this request id, or runs `decide` and stores its answer in the same
// transaction. An id that was used with another body is kInvalidArgument (REQUEST_ID_REUSED).
// Errors of `decide` are returned and not stored, so that a repeated request may succeed.
Result<std::string> DecideIdempotently(
    const RequestId& request, Transaction& tx,
    const std::function<Result<std::string>(Transaction&)>& decide);

}  // namespace braid::coordinator
