// A span: a piece of work with its beginning, its end and what is known of it, as OpenTelemetry has
// it. Names and attributes follow its semantic conventions where there are some, and begin with
// "braid." else; docs/traces.md lists them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "trace/context.h"

namespace braid::trace {

// The numbers of the protocol.
enum class SpanKind { kInternal = 1, kServer = 2, kClient = 3 };

using Attribute = std::variant<std::string, int64_t, double, bool>;
using Attributes = std::map<std::string, Attribute>;

// No secrets: everything here goes to a collector, to be read by all who may look there.
struct Span {
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  Context context;
  // The id of the span above it; empty: none.
  std::string parent_id;
  // In nanoseconds since 1970.
  int64_t begin_ns = 0;
  int64_t end_ns = 0;
  Attributes attributes;
  // Whether it failed, and why, for people. What was cancelled has not failed.
  bool failed = false;
  std::string error;
};

// Takes spans whose work has ended. Add returns at once, whatever becomes of the span: it is never
// a reason to wait or to fail. Thread-safe.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void Add(Span span) = 0;
};

constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace braid::trace
