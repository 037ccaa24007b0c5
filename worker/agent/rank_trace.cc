#include "worker/agent/rank_trace.h"

#include <algorithm>
#include <utility>

#include "task/failure.h"

namespace braid::worker {
namespace {

using trace::Context;
using trace::Span;

constexpr char kProgram[] = "program";

// With what all spans of a rank have.
Span SpanOf(const Assignment& assignment, std::string name, const Context& context,
            const Context& parent) {
  Span span;
  span.name = std::move(name);
  span.context = context;
  span.parent_id = parent.span_id;
  span.attributes = {{"braid.run.id", assignment.key.run},
                     {"braid.job.name", assignment.key.job},
                     {"braid.job.kind", assignment.kind},
                     {"braid.lease.epoch", assignment.key.epoch},
                     {"braid.rank", assignment.key.rank}};
  // What an earlier process kept does not say what kind it is.
  if (assignment.kind.empty()) span.attributes.erase("braid.job.kind");
  return span;
}

// What was told to stop has not failed.
bool HasFailed(const Outcome& outcome) {
  return !outcome.success && !task::WasStopped(task::FailureCategoryOf(outcome.failure.category));
}

trace::Attribute AttributeOf(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void AddCheckpointSpan(const Assignment& assignment, int64_t step, int64_t begun_ms,
                       const Status& status, Turn* turn) {
  const Context rank = SpanOfRank(assignment);
  if (!rank.sampled) return;
  Span span = SpanOf(
      assignment, "checkpoint",
      ChildOf(rank, "checkpoint " + std::to_string(step) + " at " + std::to_string(begun_ms)),
      rank);
  span.attributes["braid.checkpoint.step"] = step;
  span.failed = !status.ok();
  span.error = status.message();
  turn->Add(SpanEnded{std::move(span), begun_ms, turn->now_ms});
}

void RankTrace::Begin(bool recovered) {
  if (!SpanOfRank(assignment_).sampled) return;
  recovered_ = recovered;
  begun_ms_ = turn_.now_ms;
}

void RankTrace::Next(std::string part, trace::Attributes attributes) {
  if (!begun_ms_.has_value()) return;
  Close(false, "");
  part_ = Part{std::move(part), std::move(attributes), turn_.now_ms};
}

void RankTrace::EndPart(const Status& status) {
  Close(!status.ok(), status.message());
}

void RankTrace::EndProgram(const Outcome& outcome) {
  if (!part_.has_value() || part_->name != kProgram) return;
  part_->attributes["process.exit.code"] = outcome.exit_code;
  if (outcome.signal != 0) part_->attributes["braid.program.signal"] = outcome.signal;
  Close(HasFailed(outcome), outcome.failure.error);
}

void RankTrace::Close(bool failed, const std::string& error) {
  if (!part_.has_value()) return;
  const Part part = *std::exchange(part_, std::nullopt);
  const Context rank = SpanOfRank(assignment_);
  // The log of the program names its span, of which there is one. Parts of a later process of the
  // worker must not be taken for those of the earlier one.
  const Context own = part.name == kProgram
                          ? SpanOfProgram(assignment_)
                          : ChildOf(rank, part.name + " " + std::to_string(++parts_) +
                                              (recovered_ ? " recovered" : ""));
  Span span = SpanOf(assignment_, part.name, own, rank);
  for (const auto& [key, value] : part.attributes) span.attributes[key] = value;
  span.failed = failed;
  if (failed) span.error = error;
  turn_.Add(SpanEnded{std::move(span), part.begun_ms, turn_.now_ms});
}

void RankTrace::Add(const SpanMessage& message) {
  if (!begun_ms_.has_value()) return;
  const Context program = SpanOfProgram(assignment_);
  Span span = SpanOf(assignment_, message.name,
                     ChildOf(program, message.name + " " + std::to_string(++said_)), program);
  for (const auto& [key, value] : message.attributes.items())
    span.attributes["braid." + key] = AttributeOf(value);
  span.begin_ns = message.begin_ms * trace::kNsPerMs;
  span.end_ns = std::max(message.begin_ms, message.end_ms) * trace::kNsPerMs;
  turn_.Add(SpanEnded{std::move(span), 0, 0});
}

void RankTrace::End(const Outcome* outcome) {
  if (!begun_ms_.has_value()) return;
  Close(false, "");
  Span span = SpanOf(assignment_, "rank", SpanOfRank(assignment_),
                     trace::ParseTraceparent(assignment_.traceparent).value_or(Context()));
  if (recovered_) span.attributes["braid.rank.recovered"] = true;
  if (outcome == nullptr) span.attributes["braid.rank.dropped"] = true;
  span.failed = outcome != nullptr && HasFailed(*outcome);
  if (span.failed) span.error = outcome->failure.error;
  turn_.Add(SpanEnded{std::move(span), *std::exchange(begun_ms_, std::nullopt), turn_.now_ms});
}

}  // namespace braid::worker
