// The names of traces and spans, and W3C's `traceparent`, which carries them from one process to
// the next (https://www.w3.org/TR/trace-context/). `tracestate` is not kept: the specification
// allows that, and nothing here would read it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace braid::trace {

// A span as others name it: its trace, and its id there.
struct Context {
  // 32 and 16 lower-case hexadecimal digits, not all of them 0; both empty: no span.
  std::string trace_id;
  std::string span_id;
  // Whether the spans of the trace are to be recorded.
  bool sampled = false;
  bool valid() const { return !trace_id.empty(); }
  bool operator==(const Context&) const = default;
};

// Reads "00-<trace id>-<span id>-<flags>"; nullopt for what is no traceparent, which callers treat
// as if there were none. A version that is not known here is read as far as version 00 goes.
std::optional<Context> ParseTraceparent(std::string_view text);
// Writes it; empty for a context that is not valid.
std::string Traceparent(const Context& context);

// Ids that the operating system draws.
std::string RandomTraceId();
std::string RandomSpanId();
// Ids that follow from a name: whoever knows the name, in whichever process and after whichever
// restart, has the same id without being told. Different names have different ids, but for
// collisions of SHA-256 that is cut to as many bits.
std::string TraceIdOf(std::string_view name);
std::string SpanIdOf(std::string_view name);

// The span `name` below `parent`: the same trace, and an id that follows from both.
Context ChildOf(const Context& parent, std::string_view name);

}  // namespace braid::trace
