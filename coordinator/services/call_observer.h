// Looks at every call of the gRPC server as it passes: how long it took, how large a transfer was,
// and, for a caller that records a trace, its span. Handlers know nothing of it.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <memory>

#include "coordinator/api/backend.h"

namespace braid::coordinator {

// `backend` outlives the server. Calls of other services than braid's (health, reflection) are not
// looked at; nor are calls that were refused before they came to a handler.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeCallObserver(
    Backend* backend);

}  // namespace braid::coordinator
