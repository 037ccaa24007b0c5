// braid's Status as gRPC carries it: the same code and message, and google.rpc.ErrorInfo with a
// reason of the closed set (runs.proto).
#pragma once

#include <grpcpp/support/status.h>

#include "base/status.h"

namespace braid::rpc {

grpc::Status ToGrpc(const Status& status);

// The reason is empty for an error that gRPC itself made. What a code without one means is for the
// caller to say: a worker tries again, a command tells its user what to do.
Status FromGrpc(const grpc::Status& status);

}  // namespace braid::rpc
