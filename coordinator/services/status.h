// braid's Status as gRPC sends it: the same code and message, and google.rpc.ErrorInfo with a
// reason of the closed set.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "base/status.h"

namespace braid::coordinator {

grpc::Status ToGrpc(const Status& status);

// The reason an error is sent with: its own, or the one of its code.
std::string ReasonOf(const Status& status);

}  // namespace braid::coordinator
