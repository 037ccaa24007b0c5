#include "worker/agent/program_message.h"

namespace braid::worker {
namespace {

Progress ProgressOf(const Json& event, int64_t wall_ms) {
  return {ValueOr(event, "phase", ""),
          ValueOr(event, "unit", ""),
          ValueOr(event, "done", int64_t{0}),
          ValueOr(event, "total", int64_t{0}),
          ValueOr(event, "tokens_per_s", -1.0),
          ValueOr(event, "eta_s", -1.0),
          wall_ms};
}

MetricMessage MetricOf(const Json& event, int64_t wall_ms) {
  const Json line = {{"step", ValueOr(event, "step", int64_t{0})},
                     {"time_ms", wall_ms},
                     {"values", ValueOr(event, "values", Json::object())}};
  // A value that is not UTF-8 must not make dump throw in the thread that reads the program.
  return {line.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

ResultMessage ResultOf(const Json& event) {
  ResultMessage result;
  result.summary = ValueOr(event, "summary", Json::object())
                       .dump(-1, ' ', false, Json::error_handler_t::replace);
  const Json outputs = ValueOr(event, "outputs", Json::object());
  for (const auto& [role, output] : outputs.items()) {
    result.outputs[role] = {ValueOr(output, "kind", ""), ValueOr(output, "folder", ""),
                            ValueOr(output, "metadata", Json::object())};
  }
  return result;
}

ErrorMessage ErrorOf(const Json& event) {
  return {ValueOr(event, "category", "system"), ValueOr(event, "message", ""),
          ValueOr(event, "hint", ""), ValueOr(event, "reason", ""),
          ValueOr(event, "deterministic", false)};
}

RendezvousMessage RendezvousOf(const Json& event) {
  return {ValueOr(event, "id", int64_t{0}), ValueOr(event, "op", "") == "put",
          ValueOr(event, "key", ""), ValueOr(event, "value", ""),
          ValueOr(event, "timeout_ms", int64_t{60'000})};
}

}  // namespace

std::optional<ProgramMessage> ParseProgramLine(std::string_view line, int64_t wall_ms) {
  const Result<Json> event = ParseJson(line, "a line of the task program");
  if (!event.ok() || !event->is_object()) return std::nullopt;
  const std::string kind = ValueOr(*event, "event", "");
  if (kind == "progress") return ProgressOf(*event, wall_ms);
  if (kind == "metric") return MetricOf(*event, wall_ms);
  if (kind == "checkpoint") {
    return CheckpointMessage{ValueOr(*event, "step", int64_t{0}), ValueOr(*event, "folder", ""),
                             ValueOr(*event, "metadata", Json::object())};
  }
  if (kind == "result") return ResultOf(*event);
  if (kind == "error") return ErrorOf(*event);
  if (kind == "rendezvous") return RendezvousOf(*event);
  if (kind == "span") {
    return SpanMessage{ValueOr(*event, "name", ""), ValueOr(*event, "begin_ms", int64_t{0}),
                       ValueOr(*event, "end_ms", int64_t{0}),
                       ValueOr(*event, "attributes", Json::object())};
  }
  return std::nullopt;
}

}  // namespace braid::worker
