#include "coordinator/core/requests.h"

#include "base/sha256.h"

namespace braid::coordinator {

Result<std::string> DecideIdempotently(
    const RequestId& request, Transaction& tx,
    const std::function<Result<std::string>(Transaction&)>& decide) {
  if (request.id.empty()) return decide(tx);
  const std::string digest = Sha256Hex(request.body);
  const auto& requests = tx.state().image().requests;
  const auto known = requests.find({request.method, request.id});
  if (known != requests.end()) {
    if (known->second.body_sha256 == digest) return known->second.answer;
    return Status(StatusCode::kInvalidArgument, ErrorReason::kRequestIdReused,
                  "request id " + request.id + " was used for another " + request.method +
                      ": take a new one");
  }
  // The answer and the decision's updates are in one transaction: either both are durable, or a
  // repeated request decides again on a state without the changes of the first.
  BRAID_ASSIGN_OR_RETURN(std::string answer, decide(tx));
  tx.Add(catalog::RequestRemembered{{request.method, request.id, digest, answer, tx.wall_ms()}});
  return answer;
}

}  // namespace braid::coordinator
