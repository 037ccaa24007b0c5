#include "cli/shared/command_trace.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace braid::cli {
namespace {

constexpr std::array<std::string_view, 3> kTraced = {"submit", "merge", "retry"};

std::optional<trace::Context> Caller() {
  const char* text = std::getenv("TRACEPARENT");
  return text == nullptr ? std::nullopt : trace::ParseTraceparent(text);
}

}  // namespace

CommandTrace::CommandTrace(const std::string& command) {
  if (std::find(kTraced.begin(), kTraced.end(), command) == kTraced.end()) return;
  const auto caller = Caller();
  const trace::Settings settings = trace::ReadSettings("braid", trace::ProcessResource(""));
  exporter_ = trace::MakeExporter(
      settings, [](const std::string& line) { std::fprintf(stderr, "braid: %s\n", line.c_str()); });
  span_.context = caller.value_or(trace::Context());
  if (exporter_ == nullptr) return;
  span_.name = "braid " + command;
  span_.parent_id = span_.context.span_id;
  if (!caller.has_value()) span_.context.trace_id = trace::RandomTraceId();
  span_.context.span_id = trace::RandomSpanId();
  span_.context.sampled = IsSampled(
      settings.sampler, span_.context.trace_id,
      caller.has_value() ? std::optional(caller->sampled) : std::nullopt);
  span_.begin_ns = SystemClock().WallMs() * trace::kNsPerMs;
}

void CommandTrace::End(const Result<int>& code) {
  if (exporter_ == nullptr) return;
  span_.end_ns = SystemClock().WallMs() * trace::kNsPerMs;
  span_.failed = !code.ok() || *code != 0;
  if (span_.failed)
    span_.error = code.ok() ? "exit code " + std::to_string(*code) : code.status().message();
  if (code.ok()) span_.attributes["process.exit.code"] = static_cast<int64_t>(*code);
  exporter_->Add(span_);
}

}  // namespace braid::cli
