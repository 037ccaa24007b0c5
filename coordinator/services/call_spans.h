// The span of a call to the coordinator, and that of its caller, which comes with the call's
// metadata as W3C's traceparent.
#pragma once

#include <grpcpp/support/string_ref.h>

#include <map>

#include "trace/context.h"

namespace braid::coordinator {

using CallMetadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// The caller's span; not valid if it names none, or something else than a span.
trace::Context CallerSpan(const CallMetadata& metadata);
// The coordinator's own span of the call, which follows from the caller's.
trace::Context CallSpan(const trace::Context& caller);

}  // namespace braid::coordinator
