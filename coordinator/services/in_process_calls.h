// JSON calls over a channel to the gRPC server of this process.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "coordinator/access/access.h"
#include "coordinator/services/json_calls.h"

namespace braid::coordinator {

// A channel within the process passes by the server's credentials: `access`, which outlives this,
// is asked about each call beforehand, and the handlers see the caller's token as always.
std::unique_ptr<JsonCalls> MakeInProcessCalls(std::shared_ptr<grpc::Channel> channel,
                                              Access* access);

}  // namespace braid::coordinator
