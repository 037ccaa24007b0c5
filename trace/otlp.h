// Spans as the OpenTelemetry protocol has them: the body of a request, in its JSON encoding
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "trace/span.h"

namespace braid::trace {

// An ExportTraceServiceRequest with these spans, all of one process, which `resource` describes.
// Texts are cut to a length that collectors take; bytes that are not UTF-8 become U+FFFD.
std::string EncodeSpans(const std::map<std::string, std::string>& resource,
                        const std::vector<Span>& spans);

}  // namespace braid::trace
