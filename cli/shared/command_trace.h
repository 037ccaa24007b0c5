// The span of a command that makes a run, with which the trace of the run begins.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "trace/exporter.h"
#include "trace/span.h"

namespace braid::cli {

// From its construction to End. Where OpenTelemetry's variables name no collector it sends nothing,
// and only hands on the span that the variable TRACEPARENT names, if there is one.
class CommandTrace {
 public:
  // `command`: "submit". Other commands than those that make runs are no spans.
  explicit CommandTrace(const std::string& command);
  // Sends what is left, for about two seconds at most.
  ~CommandTrace() = default;

  // The span of which the command's calls are parts, and who takes theirs; see rpc/channel.h.
  const trace::Context& context() const { return span_.context; }
  trace::SpanSink* spans() { return exporter_.get(); }
  // The command has ended with this exit code, or with an error.
  void End(const Result<int>& code);

 private:
  trace::Span span_;
  std::unique_ptr<trace::Exporter> exporter_;
};

}  // namespace braid::cli
