// The spans of a client's calls: each call carries its own to the server, as W3C's traceparent.
#pragma once

#include <grpcpp/support/client_interceptor.h>

#include <memory>
#include <string>

#include "trace/span.h"

namespace braid::rpc {

// For a channel to `address`, whose calls are parts of `parent`. With `spans`, which outlives the
// channel, each call is a span of its own, which is given there when it has ended; without, calls
// carry `parent` itself on.
std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface> MakeCallTracer(
    trace::Context parent, trace::SpanSink* spans, std::string address);

}  // namespace braid::rpc
