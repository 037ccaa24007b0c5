#include "coordinator/services/call_spans.h"

#include <optional>

namespace braid::coordinator {

trace::Context CallerSpan(const CallMetadata& metadata) {
  const auto found = metadata.find("traceparent");
  if (found == metadata.end()) return {};
  return trace::ParseTraceparent({found->second.data(), found->second.size()})
      .value_or(trace::Context());
}

trace::Context CallSpan(const trace::Context& caller) {
  return ChildOf(caller, "served");
}

}  // namespace braid::coordinator
