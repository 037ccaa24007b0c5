// Which traces are recorded: the samplers that OpenTelemetry's OTEL_TRACES_SAMPLER names.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "trace/context.h"

namespace braid::trace {

// A rule for traces. The default is parentbased_always_on, which records all traces but those that
// a caller does not record.
struct Sampler {
  // The share of the traces that begin here which is recorded, from 0 to 1.
  double ratio = 1;
  // Spans with a parent are recorded if their parent is.
  bool parent_based = true;
  bool operator==(const Sampler&) const = default;
};

// Reads OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; empty texts are variables that are not
// set. kInvalidArgument names the variable and lists what it may be.
Result<Sampler> ParseSampler(std::string_view name, std::string_view argument);

// Whether a span of this trace is recorded. `parent`: whether the span above it is; nullopt for the
// first one of a trace. The same trace has the same answer in every process: a ratio compares the
// last 64 bits of its id, as other libraries do.
bool IsSampled(const Sampler& sampler, std::string_view trace_id, std::optional<bool> parent);

}  // namespace braid::trace
