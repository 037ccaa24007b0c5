// braid's Status as a grpc::Status: the same code and message, and a google.rpc.ErrorInfo with a
// reason (base/error_reason.h).
#pragma once

#include <grpcpp/support/status.h>

#include "base/status.h"

namespace braid::rpc {

// An error without a reason gets one by its code. A status with the reason UNAUTHENTICATED has
// gRPC's code UNAUTHENTICATED, and every other refusal of a caller PERMISSION_DENIED. Messages are
// cut to kMessageBytes (base/excerpt.h).
grpc::Status ToGrpc(const Status& status);

// The inverse of ToGrpc. The reason is empty for an error that gRPC itself made, such as
// UNAVAILABLE for a lost connection; the caller decides what such an error means (a worker tries
// again, a command tells its user what to do).
Status FromGrpc(const grpc::Status& status);

}  // namespace braid::rpc
