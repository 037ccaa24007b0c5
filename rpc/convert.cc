#include "rpc/convert.h"

#include "braid/v1/jobs.pb.h"
#include "braid/v1/plan.pb.h"
#include "braid/v1/pools.pb.h"

namespace braid::rpc {
namespace {

// The fields of a job's requirements have the same names in every message.
template <typename Message>
void Write(const task::Requirements& job, Message* message) {
  message->set_kind(job.kind);
  message->set_ranks(static_cast<int32_t>(job.ranks));
  message->set_slots_per_rank(static_cast<int32_t>(job.slots));
  message->set_device(NameOf(job.device));
}

template <typename Message>
void Read(const Message& message, task::Requirements* job) {
  job->kind = message.kind();
  job->ranks = message.ranks();
  job->slots = message.slots_per_rank();
  // A coordinator grants a job only to a worker that has offered slots of the device, and a pool
  // is asked only for devices that a recipe can name, so the word is one of those known here.
  job->device = FromName<Device>(message.device()).value_or(Device::kCpu);
}

}  // namespace

void Fill(const task::RankKey& key, v1::RankId* message) {
  message->set_run_id(key.run);
  message->set_job(key.job);
  message->set_epoch(key.epoch);
  message->set_rank(static_cast<int32_t>(key.rank));
}

task::RankKey RankOf(const v1::RankId& message) {
  return {{message.run_id(), message.job(), message.epoch()}, message.rank()};
}

void Fill(const task::Progress& progress, v1::Progress* message) {
  message->set_phase(progress.phase);
  message->set_unit(progress.unit);
  message->set_done(progress.done);
  message->set_total(progress.total);
  message->set_tokens_per_s(progress.tokens_per_s);
  message->set_eta_s(progress.eta_s);
  message->set_time_ms(progress.time_ms);
}

task::Progress ProgressOf(const v1::Progress& message) {
  return {message.phase(),        message.unit(),  message.done(),   message.total(),
          message.tokens_per_s(), message.eta_s(), message.time_ms()};
}

void Fill(const task::Assignment& assignment, v1::RankAssignment* message) {
  Fill(assignment.key, message->mutable_id());
  Write(assignment, message);
  message->set_spec_json(assignment.spec);
  message->mutable_inputs()->insert(assignment.inputs.begin(), assignment.inputs.end());
  message->set_checkpoint(assignment.checkpoint);
  message->set_stop(assignment.stop);
  message->set_stop_timeout_ms(assignment.stop_timeout_ms);
  message->set_recipe_sha256(assignment.recipe_sha256);
  message->set_across_hosts(assignment.across_hosts);
  message->set_binding(NameOf(assignment.binding));
  if (assignment.binding != task::Binding::kNothing) message->set_site(assignment.site);
  message->set_traceparent(assignment.traceparent);
}

task::Assignment AssignmentOf(const v1::RankAssignment& message) {
  task::Assignment assignment;
  assignment.key = RankOf(message.id());
  Read(message, &assignment);
  assignment.spec = message.spec_json();
  assignment.inputs = {message.inputs().begin(), message.inputs().end()};
  assignment.checkpoint = message.checkpoint();
  assignment.stop = message.stop();
  assignment.stop_timeout_ms = message.stop_timeout_ms();
  assignment.recipe_sha256 = message.recipe_sha256();
  assignment.across_hosts = message.across_hosts();
  // A coordinator from before this field binds nothing.
  assignment.binding = FromName<task::Binding>(message.binding()).value_or(task::Binding::kNothing);
  assignment.site = message.site();
  assignment.traceparent = message.traceparent();
  return assignment;
}

void Fill(const task::Outcome& outcome, v1::ReportEndedRequest* message) {
  message->set_success(outcome.success);
  for (const auto& [role, manifest] : outcome.outputs) {
    v1::Output* output = message->add_outputs();
    output->set_role(role);
    output->set_manifest_json(manifest);
  }
  message->set_summary_json(outcome.summary);
  message->set_category(outcome.failure.category);
  message->set_error(outcome.failure.error);
  message->set_hint(outcome.failure.hint);
  message->set_deterministic(outcome.failure.deterministic);
  message->set_reason(outcome.failure.reason);
  message->set_log_tail(outcome.failure.log_tail);
  message->set_exit_code(static_cast<int32_t>(outcome.exit_code));
  message->set_signal(static_cast<int32_t>(outcome.signal));
  message->set_peer_lost(outcome.peer_lost);
  for (const std::string& role : outcome.bound) message->add_bound(role);
}

task::Outcome OutcomeOf(const v1::ReportEndedRequest& message) {
  task::Outcome outcome;
  outcome.success = message.success();
  for (const v1::Output& output : message.outputs())
    outcome.outputs.emplace_back(output.role(), output.manifest_json());
  outcome.summary = message.summary_json();
  outcome.failure = {message.category(),      message.error(),  message.hint(),
                     message.deterministic(), message.reason(), message.log_tail()};
  outcome.exit_code = message.exit_code();
  outcome.signal = message.signal();
  outcome.peer_lost = message.peer_lost();
  outcome.bound = {message.bound().begin(), message.bound().end()};
  return outcome;
}

void Fill(const task::MachineLoad& load, v1::MachineLoad* message) {
  if (load.cpu_percent.has_value())
    message->set_cpu_percent(static_cast<int32_t>(*load.cpu_percent));
  message->set_memory_used_mib(load.memory_used_mib);
  message->set_memory_mib(load.memory_mib);
  for (const task::GpuLoad& gpu : load.gpus) {
    v1::GpuLoad* one = message->add_gpus();
    if (gpu.busy_percent.has_value())
      one->set_busy_percent(static_cast<int32_t>(*gpu.busy_percent));
    one->set_memory_used_mib(gpu.memory_used_mib);
    one->set_memory_mib(gpu.memory_mib);
  }
}

task::MachineLoad LoadOf(const v1::MachineLoad& message) {
  task::MachineLoad load;
  if (message.has_cpu_percent()) load.cpu_percent = message.cpu_percent();
  load.memory_used_mib = message.memory_used_mib();
  load.memory_mib = message.memory_mib();
  for (const v1::GpuLoad& one : message.gpus()) {
    task::GpuLoad& gpu = load.gpus.emplace_back();
    if (one.has_busy_percent()) gpu.busy_percent = one.busy_percent();
    gpu.memory_used_mib = one.memory_used_mib();
    gpu.memory_mib = one.memory_mib();
  }
  return load;
}

void Fill(const task::Demand& demand, v1::Demand* message) {
  Write(demand.requirements, message);
  message->set_site(demand.requirements.site);
  message->set_memory_bytes(demand.requirements.memory_bytes);
  message->set_jobs(static_cast<int32_t>(demand.jobs));
  message->set_reason(demand.reason);
  message->set_run_id(demand.run);
}

task::Demand DemandOf(const v1::Demand& message) {
  task::Demand demand;
  Read(message, &demand.requirements);
  demand.requirements.site = message.site();
  demand.requirements.memory_bytes = message.memory_bytes();
  demand.jobs = message.jobs();
  demand.reason = message.reason();
  demand.run = message.run_id();
  return demand;
}

void FillRequirements(const task::Requirements& job, v1::Job* message) {
  Write(job, message);
  message->set_memory_bytes(job.memory_bytes);
  message->set_site(job.site);
  message->set_binding(NameOf(job.binding));
}

void FillRequirements(const task::Requirements& job, v1::PlannedJob* message) {
  Write(job, message);
  message->set_memory_bytes(job.memory_bytes);
  message->set_site(job.site);
  message->set_binding(NameOf(job.binding));
}

}  // namespace braid::rpc
