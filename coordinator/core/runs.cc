#include "coordinator/core/runs.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include "base/json.h"
#include "base/sha256.h"
#include "coordinator/core/attempts.h"
#include "coordinator/core/bound_data.h"
#include "coordinator/core/quotas.h"
#include "coordinator/core/retention.h"
#include "coordinator/core/rungs.h"
#include "recipe/recipe.h"
#include "recipe/tags.h"
#include "spec/train.h"
#include "task/failure.h"
#include "task/job_kind.h"

namespace braid::coordinator {
namespace {

using catalog::InputSource;

Result<InputSource> Resolve(const recipe::InputRef& ref, const SubmitCommand& command,
                            const State& state, const std::string& where) {
  if (!ref.job.empty()) return InputSource{ref.job, ref.role, ""};
  std::string id = ref.artifact;
  if (!ref.source.empty()) {
    const auto given = command.sources.find(ref.source);
    if (given == command.sources.end()) {
      return Status(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                    where + ": the submission names no artifact for source " + ref.source);
    }
    id = given->second;
  }
  auto artifact = state.ResolveArtifact(id);
  if (!artifact.ok()) {
    return Status(StatusCode::kFailedPrecondition, ErrorReason::kBlobMissing,
                  where + ": " + artifact.status().message());
  }
  if (const Status there = CheckThere(**artifact); !there.ok()) return there.Wrap(where);
  if (const Status free = CheckMayLeave(**artifact, state); !free.ok()) return free.Wrap(where);
  return InputSource{"", "", (*artifact)->id};
}

// The artifact for each input of a job whose parents have all succeeded or, of a report, were
// left behind, whose outputs are left out. Absent if a parent succeeded without an output
// that the job needs.
std::optional<StringMap> InputsOf(const JobRecord& job, const State& state) {
  StringMap inputs;
  for (const auto& [role, from] : job.input_sources) {
    if (from.job.empty()) {
      inputs[role] = from.artifact;
      continue;
    }
    const JobRecord* parent = state.FindJob({job.key.run, from.job});
    if (parent->left_behind) continue;
    const auto output = parent->outputs.find(from.role);
    if (output == parent->outputs.end()) return std::nullopt;
    inputs[role] = output->second;
  }
  return inputs;
}

std::string NewRunId(const Transaction& tx) {
  std::string id = tx.options().run_id();
  while (tx.state().FindRun(id) != nullptr) id = tx.options().run_id();
  return id;
}

void EndJob(const JobRecord& job, JobState state, const std::string& error, Transaction& tx,
            bool left_behind = false) {
  tx.Add(catalog::JobEnded{
      job.key, job.epoch, state, {}, "", error, "", job.counters, tx.wall_ms(), left_behind});
}

void LeaveBehind(const JobRecord& job, const std::string& why, Transaction& tx) {
  EndJob(job, JobState::kSkipped, why, tx, /*left_behind=*/true);
}

// The error of a run that failed: that of its first job that failed or, if the run would have gone
// on without all of these, that nothing came to its end.
std::string ErrorOf(const std::vector<const JobRecord*>& jobs,
                    const std::vector<std::string>& models_without_trial) {
  for (const JobRecord* job : jobs) {
    if (job->state == JobState::kFailed && !job->left_behind)
      return job->key.job + ": " + job->error;
  }
  std::string error;
  for (const std::string& model : models_without_trial)
    error += (error.empty() ? "" : "; ") + ("no setting of " + model + " came to its end");
  for (const JobRecord* job : jobs) {
    if (job->state == JobState::kFailed && !error.empty())
      return error + "; the first that failed: " + job->key.job + ": " + job->error;
  }
  return error;
}

void EndRunIfDone(const std::string& id, Transaction& tx) {
  const RunRecord* run = tx.state().FindRun(id);
  if (run == nullptr || Ended(run->state) || tx.state().indices().UnendedIn(id) > 0) return;
  const std::vector<const JobRecord*> jobs = tx.state().JobsOf(id);
  // A run goes on without some of the trials that it compares, but not without all of them.
  const std::vector<std::string> without = Rungs(jobs).ModelsWithoutTrial();
  bool failed = !without.empty(), cancelled = false;
  for (const JobRecord* job : jobs) {
    failed |= (job->state == JobState::kFailed || job->state == JobState::kSkipped) &&
              !job->left_behind;
    cancelled |= job->state == JobState::kCancelled;
  }
  RunState state = RunState::kSucceeded;
  if (cancelled)
    state = RunState::kCancelled;
  else if (failed)
    state = RunState::kFailed;
  const std::string error = state == RunState::kSucceeded ? "" : ErrorOf(jobs, without);
  tx.Add(catalog::RunEnded{id, state, error, tx.wall_ms()});
}

// The whole number at this place of a job's settings (a JSON pointer), or `otherwise` if there is
// none.
int64_t NumberIn(const Json& spec, const char* place, int64_t otherwise) {
  const Json::json_pointer pointer(place);
  if (!spec.contains(pointer)) return otherwise;
  const Json& value = spec.at(pointer);
  return value.is_number_integer() ? value.get<int64_t>() : otherwise;
}

}  // namespace

Result<std::vector<JobRecord>> JobsOfDag(const SubmitCommand& command, const std::string& run,
                                         const State& state, int64_t now_ms) {
  std::vector<JobRecord> jobs;
  std::set<std::string> known;
  for (const recipe::JobNode& node : command.dag.jobs) {
    JobRecord job;
    job.key = {run, node.name};
    job.position = static_cast<int64_t>(jobs.size());
    static_cast<task::Requirements&>(job) = node;
    job.parents = node.parents;
    // Propagate relies on parents coming before their children, so an order that violates this is
    // refused here.
    for (const std::string& parent : node.parents) {
      if (!known.contains(parent))
        return Internal("job " + node.name + " comes before its parent " + parent);
    }
    if (known.contains(node.name)) {
      return Status(StatusCode::kInvalidArgument, ErrorReason::kInvalidRecipe,
                    "two jobs of this run would be called " + node.name +
                        ": give one of the models another name");
    }
    for (const auto& [role, ref] : node.inputs) {
      if (!ref.job.empty() && !known.contains(ref.job)) {
        return Internal("job " + node.name + " takes its input " + role + " from " + ref.job +
                        ", which does not come before it");
      }
      BRAID_ASSIGN_OR_RETURN(job.input_sources[role],
                             Resolve(ref, command, state, "job " + node.name + ", input " + role));
    }
    job.spec = node.spec.dump();
    job.keep_checkpoints = NumberIn(node.spec, "/train/checkpoint/keep", 0);
    if (task::IsTraining(node.kind))
      job.stall_timeout_s = NumberIn(node.spec, "/train/stall_timeout",
                                     spec::Train().stall_timeout);
    job.max_duration_s = node.max_duration_s;
    job.rung = node.rung;
    job.flops = node.estimate.flops;
    job.tokens = node.estimate.tokens;
    job.created_ms = now_ms;
    known.insert(node.name);
    jobs.push_back(std::move(job));
  }
  if (jobs.empty()) return InvalidArgument("there is no job to run");
  return jobs;
}

Result<std::string> Submit(const SubmitCommand& command, Transaction& tx) {
  constexpr size_t kLongestUser = 255;
  if (std::abs(command.priority) > recipe::kMaxPriority) {
    return InvalidArgument("priority " + std::to_string(command.priority) + ": it may be from " +
                           std::to_string(-recipe::kMaxPriority) + " to " +
                           std::to_string(recipe::kMaxPriority));
  }
  if (command.user.size() > kLongestUser) {
    return InvalidArgument("a user's name of " + std::to_string(command.user.size()) +
                           " bytes: at most " + std::to_string(kLongestUser));
  }
  BRAID_RETURN_IF_ERROR(CheckPriority(command.user, command.priority, tx.options().quotas));
  BRAID_ASSIGN_OR_RETURN(auto tags, recipe::ChangedTags({}, command.tags, {}));
  const std::string id = NewRunId(tx);
  BRAID_ASSIGN_OR_RETURN(std::vector<JobRecord> jobs,
                         JobsOfDag(command, id, tx.state(), tx.wall_ms()));
  BRAID_RETURN_IF_ERROR(CheckNewJobs(command.user, jobs, tx.state(), tx.options().quotas));
  RunRecord run;
  run.id = id;
  run.name = command.dag.run;
  run.recipe = command.recipe;
  run.recipe_sha256 = command.recipe.empty() ? "" : Sha256Hex(command.recipe);
  run.sources = command.sources;
  run.only = command.only;
  run.priority = command.priority;
  run.preempts = command.preempts;
  run.max_duration_s = command.dag.max_duration_s;
  run.user = command.user;
  run.traceparent = command.traceparent;
  run.tags = std::move(tags);
  run.created_ms = tx.wall_ms();
  tx.Add(catalog::RunCreated{std::move(run)});
  for (JobRecord& job : jobs) tx.Add(catalog::JobCreated{std::move(job)});
  Propagate(id, tx);
  return id;
}

Status Cancel(const std::string& id, Transaction& tx) {
  const RunRecord* run = tx.state().FindRun(id);
  if (run == nullptr)
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound, "there is no run " + id);
  if (Ended(run->state)) {
    return Status(StatusCode::kFailedPrecondition, ErrorReason::kTerminalState,
                  "run " + id + " has ended already (" + std::string(Name(run->state)) + ")");
  }
  if (run->cancel_requested) return OkStatus();
  tx.Add(catalog::RunCancelRequested{id});
  for (const JobRecord* job : tx.state().JobsOf(id)) {
    if (job->state == JobState::kBlocked || job->state == JobState::kQueued) {
      EndJob(*job, JobState::kCancelled, "cancelled by request", tx);
    } else if (job->state == JobState::kActive) {
      const AttemptKey attempt{job->key.run, job->key.job, job->epoch};
      tx.Add(catalog::JobCancelling{job->key});
      StopAttempt(attempt, catalog::StopReason::kCancel,
                  {NameOf(task::FailureCategory::kCancelled), "cancelled by request", "", false},
                  tx);
    }
  }
  EndRunIfDone(id, tx);
  return OkStatus();
}

Result<std::string> Retry(const std::string& id, Transaction& tx, const std::string& traceparent) {
  const RunRecord* old = tx.state().FindRun(id);
  if (old == nullptr)
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound, "there is no run " + id);
  if (!Ended(old->state)) {
    return FailedPrecondition("run " + id + " has not ended: cancel it first, or wait");
  }
  if (old->state == RunState::kSucceeded) {
    return Status(StatusCode::kFailedPrecondition, ErrorReason::kTerminalState,
                  "run " + id + " has succeeded: nothing is left to do");
  }
  RunRecord run = *old;
  run.id = NewRunId(tx);
  run.retry_of = id;
  run.state = RunState::kActive;
  run.cancel_requested = false;
  run.paused_before_ms = 0;
  run.traceparent = traceparent;
  run.error.clear();
  run.created_ms = tx.wall_ms();
  run.ended_ms = 0;
  std::set<std::string> adopted;
  std::vector<JobRecord> jobs;
  for (const JobRecord* before : tx.state().JobsOf(id)) {
    JobRecord job = *before;
    job.key.run = run.id;
    job.epoch = 0;
    job.counters = {};
    job.not_before_ms = 0;
    job.error.clear();
    job.hint.clear();
    job.left_behind = false;
    job.created_ms = tx.wall_ms();
    job.ended_ms = 0;
    job.adopted_from.clear();
    // What has succeeded is not done again: the job is there as if it had run here, and says where
    // it did.
    if (before->state == JobState::kSucceeded) {
      job.adopted_from = before->adopted_from.empty() ? before->key.ToString()
                                                      : before->adopted_from;
      job.ended_ms = tx.wall_ms();
      adopted.insert(job.key.job);
    } else {
      job.state = JobState::kBlocked;
      job.inputs.clear();
      job.outputs.clear();
      job.summary.clear();
      // A checkpoint is of use only if the job will have the same inputs again.
      const bool same_inputs = std::all_of(
          job.parents.begin(), job.parents.end(),
          [&](const std::string& parent) { return adopted.contains(parent); });
      if (!same_inputs) {
        job.checkpoint.clear();
        job.checkpoint_step = 0;
      }
    }
    jobs.push_back(std::move(job));
  }
  BRAID_RETURN_IF_ERROR(CheckNewJobs(run.user, jobs, tx.state(), tx.options().quotas));
  // Only now: `old` and `before` are good until the next update.
  tx.Add(catalog::RunCreated{run});
  for (JobRecord& job : jobs) tx.Add(catalog::JobCreated{std::move(job)});
  Propagate(run.id, tx);
  return run.id;
}

namespace {

// How the parents of a blocked job stand.
struct Parents {
  bool all_ended = true;
  // One that ended without success, and one that was left behind; null: there is none.
  const JobRecord *failed = nullptr, *left_behind = nullptr;
};

Parents ParentsOf(const JobRecord& job, const State& state) {
  Parents parents;
  for (const std::string& name : job.parents) {
    const JobRecord* parent = state.FindJob({job.key.run, name});
    parents.all_ended &= Ended(parent->state);
    if (!Ended(parent->state) || parent->state == JobState::kSucceeded) continue;
    (parent->left_behind ? parents.left_behind : parents.failed) = parent;
  }
  return parents;
}

// Queues or ends a blocked job if its time has come. Returns whether it has ended.
bool MoveOn(const JobRecord& job, Rungs& rungs, Transaction& tx) {
  const Parents parents = ParentsOf(job, tx.state());
  if (parents.failed != nullptr) {
    EndJob(job, JobState::kSkipped, parents.failed->key.job + " did not succeed", tx);
    return true;
  }
  // A report does without the trials that were left behind, and has the others.
  if (parents.left_behind != nullptr && !task::IsKind(job.kind, task::JobKind::kReport)) {
    LeaveBehind(job, WhyNotRun(*parents.left_behind), tx);
    return true;
  }
  if (!parents.all_ended) return false;
  const std::optional<RungDecision> decision = rungs.Of(job);
  if (!decision) return false;
  if (!decision->goes_on) {
    LeaveBehind(job, decision->why, tx);
    return true;
  }
  std::optional<StringMap> inputs = InputsOf(job, tx.state());
  if (!inputs) {
    EndJob(job, JobState::kFailed, "a parent succeeded without an output that this job needs", tx);
    return true;
  }
  tx.Add(catalog::JobQueued{job.key, *std::move(inputs)});
  return false;
}

}  // namespace

void Propagate(const std::string& run, Transaction& tx) {
  // In topological order what is skipped is seen as ended by its children in the same pass. Trials
  // are compared across that order, so that one more pass may be needed.
  for (bool again = true; again;) {
    again = false;
    const std::vector<const JobRecord*> jobs = tx.state().JobsOf(run);
    Rungs rungs(jobs);
    for (const JobRecord* job : jobs) {
      if (job->state != JobState::kBlocked) continue;
      const bool compared = job->rung.number > 0;
      again |= MoveOn(*job, rungs, tx) && compared;
    }
  }
  EndRunIfDone(run, tx);
}

}  // namespace braid::coordinator
