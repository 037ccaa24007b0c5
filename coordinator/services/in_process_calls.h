// JSON calls over a channel to the gRPC server of this process.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "coordinator/services/json_calls.h"
#include "rpc/server_credentials.h"

namespace braid::coordinator {

// A channel within the process bypasses the server's credentials. So `check` is called before each
// call, as the server would do, and the handlers see the caller's token as usual.
std::unique_ptr<JsonCalls> MakeInProcessCalls(std::shared_ptr<grpc::Channel> channel,
                                              rpc::CallerCheck check);

}  // namespace braid::coordinator
