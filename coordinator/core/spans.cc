#include "coordinator/core/spans.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/text.h"

namespace braid::coordinator {
namespace {

using trace::Context;
using trace::kNsPerMs;
using trace::Sampler;
using trace::Span;

Span Between(std::string name, const Context& context, const Context& parent, int64_t begin_ms,
             int64_t end_ms) {
  Span span;
  span.name = std::move(name);
  span.context = context;
  span.parent_id = parent.span_id;
  span.begin_ns = begin_ms * kNsPerMs;
  span.end_ns = end_ms * kNsPerMs;
  return span;
}

// What all spans of a job have.
trace::Attributes AttributesOf(const JobRecord& job, const RunRecord& run) {
  return {{"braid.run.id", run.id},
          {"braid.run.name", run.name},
          {"braid.job.name", job.key.job},
          {"braid.job.kind", job.kind}};
}

Span OfRun(const RunRecord& run, const Sampler& sampler) {
  const Context caller = trace::ParseTraceparent(run.traceparent).value_or(Context());
  Span span = Between("run", SpanOfRun(run, sampler), caller, run.created_ms, run.ended_ms);
  span.attributes = {{"braid.run.id", run.id},
                     {"braid.run.name", run.name},
                     {"braid.run.state", std::string(Name(run.state))}};
  if (!run.user.empty()) span.attributes["braid.run.user"] = run.user;
  if (!run.retry_of.empty()) span.attributes["braid.run.retry_of"] = run.retry_of;
  span.failed = run.state == RunState::kFailed;
  if (span.failed) span.error = run.error;
  return span;
}

Span OfJob(const JobRecord& job, const RunRecord& run, const State& state, const Sampler& sampler) {
  Span span = Between("job", SpanOfJob(job.key, run, sampler), SpanOfRun(run, sampler),
                      QueuedMs(job, state), job.ended_ms);
  span.attributes = AttributesOf(job, run);
  span.attributes["braid.job.state"] = std::string(Name(job.state));
  span.attributes["braid.job.attempts"] = job.epoch;
  span.failed = job.state == JobState::kFailed;
  if (span.failed) span.error = job.error;
  return span;
}

// From when the job could run, or from the end of the attempt before, to the grant.
Span OfWaiting(const AttemptRecord& attempt, const JobRecord& job, const RunRecord& run,
               const State& state, const Sampler& sampler) {
  int64_t since_ms = QueuedMs(job, state);
  const AttemptKey before{job.key.run, job.key.job, attempt.key.epoch - 1};
  if (const AttemptRecord* earlier = state.FindAttempt(before))
    since_ms = std::max(since_ms, earlier->ended_ms);
  const Context parent = SpanOfJob(job.key, run, sampler);
  Span span = Between("waiting", ChildOf(parent, "waiting " + std::to_string(attempt.key.epoch)),
                      parent, since_ms, attempt.granted_ms);
  span.attributes = AttributesOf(job, run);
  span.attributes["braid.lease.epoch"] = attempt.key.epoch;
  return span;
}

Span OfAttempt(const AttemptRecord& attempt, const JobRecord& job, const RunRecord& run,
               const Sampler& sampler) {
  Span span = Between("attempt", SpanOfAttempt(attempt.key, run, sampler),
                      SpanOfJob(job.key, run, sampler), attempt.granted_ms, attempt.ended_ms);
  span.attributes = AttributesOf(job, run);
  span.attributes["braid.lease.epoch"] = attempt.key.epoch;
  span.attributes["braid.attempt.state"] = std::string(Name(attempt.state));
  span.attributes["braid.attempt.ranks"] = static_cast<int64_t>(attempt.workers.size());
  span.attributes["braid.attempt.workers"] = Join(attempt.workers, ",");
  if (attempt.stop_reason != catalog::StopReason::kNone)
    span.attributes["braid.attempt.stop_reason"] = NameOf(attempt.stop_reason);
  if (attempt.resumed_step > 0)
    span.attributes["braid.attempt.resumed_step"] = attempt.resumed_step;
  // A lease that was lost is no success of anybody. An attempt that was told to stop did as it was
  // told.
  span.failed = attempt.state == catalog::AttemptState::kFailed ||
                attempt.state == catalog::AttemptState::kLost;
  if (!span.failed) return span;
  span.error = attempt.failure.error;
  // OpenTelemetry's name for the kind of an error.
  span.attributes["error.type"] = attempt.failure.reason.empty() ? attempt.failure.category
                                                                 : attempt.failure.reason;
  return span;
}

}  // namespace

Context SpanOfRun(const RunRecord& run, const Sampler& sampler) {
  if (const auto caller = trace::ParseTraceparent(run.traceparent)) {
    Context context = ChildOf(*caller, "run " + run.id);
    context.sampled = IsSampled(sampler, context.trace_id, caller->sampled);
    return context;
  }
  Context context{trace::TraceIdOf("run " + run.id), trace::SpanIdOf("run " + run.id)};
  context.sampled = IsSampled(sampler, context.trace_id, std::nullopt);
  return context;
}

Context SpanOfJob(const JobKey& job, const RunRecord& run, const Sampler& sampler) {
  return ChildOf(SpanOfRun(run, sampler), "job " + job.job);
}

Context SpanOfAttempt(const AttemptKey& attempt, const RunRecord& run, const Sampler& sampler) {
  return ChildOf(SpanOfJob(attempt.Job(), run, sampler),
                 "attempt " + std::to_string(attempt.epoch));
}

// Only these four kinds of updates are looked up: the rows behind them are in memory.
std::vector<Span> SpansOf(const catalog::Update& update, const State& state,
                          const Sampler& sampler) {
  if (const auto* ended = std::get_if<catalog::RunEnded>(&update)) {
    const RunRecord* run = state.FindRun(ended->run);
    if (run != nullptr) return {OfRun(*run, sampler)};
  } else if (const auto* job_ended = std::get_if<catalog::JobEnded>(&update)) {
    const RunRecord* run = state.FindRun(job_ended->job.run);
    const JobRecord* job = state.FindJob(job_ended->job);
    // A job that was granted nothing has no time of its own.
    if (run != nullptr && job != nullptr && job->epoch > 0)
      return {OfJob(*job, *run, state, sampler)};
  } else if (const auto* granted = std::get_if<catalog::AttemptGranted>(&update)) {
    const RunRecord* run = state.FindRun(granted->attempt.key.run);
    const JobRecord* job = state.FindJob(granted->attempt.key.Job());
    if (run != nullptr && job != nullptr)
      return {OfWaiting(granted->attempt, *job, *run, state, sampler)};
  } else if (const auto* attempt_ended = std::get_if<catalog::AttemptEnded>(&update)) {
    const RunRecord* run = state.FindRun(attempt_ended->attempt.run);
    const JobRecord* job = state.FindJob(attempt_ended->attempt.Job());
    const AttemptRecord* attempt = state.FindAttempt(attempt_ended->attempt);
    if (run != nullptr && job != nullptr && attempt != nullptr)
      return {OfAttempt(*attempt, *job, *run, sampler)};
  }
  return {};
}

}  // namespace braid::coordinator
