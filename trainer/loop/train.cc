#include "trainer/loop/train.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "task/timed_span.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/beginning.h"
#include "trainer/loop/block_probes.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/checkpoints.h"
#include "trainer/loop/continued_rate.h"
#include "trainer/loop/data_loader.h"
#include "trainer/loop/environments.h"
#include "trainer/loop/gradient_sum.h"
#include "trainer/loop/journal.h"
#include "trainer/loop/match_streams.h"
#include "trainer/loop/meet_ranks.h"
#include "trainer/loop/messages.h"
#include "trainer/loop/micro_batch_pass.h"
#include "trainer/loop/opened_training.h"
#include "trainer/loop/outer_steps.h"
#include "trainer/loop/settings.h"
#include "trainer/loop/shared_update.h"
#include "trainer/loop/step_record.h"
#include "trainer/loop/step_validation.h"
#include "trainer/loop/stop_vote.h"
#include "trainer/loop/teachers.h"
#include "trainer/loop/training_outputs.h"
#include "trainer/optim/weight_average.h"

namespace braid::trainer {
namespace {

class Training {
 public:
  Training(const task::Task& task, OpenedTraining opened, task::Channel& channel,
           const Clock& clock)
      : task_(task), channel_(channel), clock_(clock), opened_(std::move(opened)) {}

  Status Run() {
    BRAID_RETURN_IF_ERROR(Start());
    DataLoader loader(settings_, *opened_.dataset, plan_, state_.step, task_.rank, task_.world);
    channel_.BeginPhase(Journal::kPhase);
    journal_.Begin(state_.tokens);
    checkpoints_.emplace(task_, settings_, *network_, channel_, state_.step, resumed_step_,
                         journal_.begun_ms());
    BeginRound();
    // A stop has interrupted the validation of the last step, which comes first then.
    if (!state_.unfinished.is_null()) BRAID_RETURN_IF_ERROR(FinishStep());
    while (!stop_ && state_.step < plan_.job_end) {
      BRAID_RETURN_IF_ERROR(Step(loader));
      BRAID_RETURN_IF_ERROR(checkpoints_->TakeError());
      if (!stop_) BRAID_RETURN_IF_ERROR(MaybeCheckpoint());
    }
    // A stop after the last step has no effect: finishing is as quick as a checkpoint would be.
    channel_.BeginPhase("writing");
    return state_.step < plan_.job_end || !state_.unfinished.is_null() ? Stop() : Finish();
  }

 private:
  Status Start() {
    BRAID_ASSIGN_OR_RETURN(network_, Network::Create(settings_.model, NameOf(task_.device)));
    network_->SetAuxiliary(settings_.auxiliary);
    BRAID_RETURN_IF_ERROR(ContinueRate(task_, &opened_.settings.schedule));
    if (settings_.teachers) {
      BRAID_ASSIGN_OR_RETURN(teachers_, Teachers::Open(task_, settings_, plan_.total));
    }
    optimizer_ = MakeOptimizer(*network_, settings_.optimizer);
    average_ = std::make_unique<WeightAverage>(settings_.average, plan_.total, *network_);
    if (settings_.outer_steps)
      outer_ = std::make_unique<OuterSteps>(*settings_.outer_steps, plan_.total, *network_);
    BRAID_ASSIGN_OR_RETURN(
        Beginning beginning,
        BeginTraining({task_, opened_, *network_, *optimizer_, *average_, outer_.get()}));
    state_ = std::move(beginning.state);
    journal_.Restore(std::move(beginning.history), std::move(beginning.last_values));
    resumed_step_ = beginning.resumed_step;
    last_good_ = state_.step;
    state_.seed = settings_.seed;
    state_.environment = EnvironmentOf(task_, settings_.precision);
    WarnOfSlowProducts(task_, settings_.precision);
    state_.settings = opened_.digest;
    state_.training = opened_.note;
    BRAID_RETURN_IF_ERROR(Meet(beginning.anew));
    Log(LogLevel::kInfo, task_.job, DescriptionOf(task_, settings_, plan_, state_.environment));
    return OkStatus();
  }

  Status Meet(bool anew) {
    BRAID_ASSIGN_OR_RETURN(collective_, MeetRanks(task_, channel_, outer_ != nullptr));
    if (anew) BRAID_RETURN_IF_ERROR(MatchStreams(opened_, *collective_, network_.get()));
    if (anew && outer_ != nullptr) outer_->Begin();
    const double ask_ms = outer_ == nullptr ? StopVote::kAskMs : StopVote::kAskAloneMs;
    step_vote_ = std::make_unique<StopVote>(channel_, *collective_, clock_, ask_ms);
    validation_vote_ = std::make_unique<StopVote>(channel_, *collective_, clock_, ask_ms);
    pass_ = std::make_unique<MicroBatchPass>(task_, settings_, *network_, *collective_,
                                             teachers_.get());
    gradient_sum_ = std::make_unique<GradientSum>(*network_, *collective_);
    BRAID_RETURN_IF_ERROR(gradient_sum_->Begin());
    BRAID_ASSIGN_OR_RETURN(shared_, SharedUpdate::Begin(task_, settings_, network_->layout().size,
                                                        *collective_, *optimizer_));
    return CompareRanks(task_, settings_.precision,
                        /*drifts=*/outer_ == nullptr && shared_ == nullptr, *collective_,
                        &state_.environment);
  }

  // One optimizer step with what follows it. A stop may interrupt either part: then `stop_` is set,
  // and the weights are those after state_.step updates.
  Status Step(DataLoader& loader) {
    const StepPlace place = plan_.At(settings_, state_.step);
    StepRecord record = RecordAfter(state_.step, state_.tokens, place, settings_);
    if (teachers_ != nullptr) record.teachers_weight = teachers_->WeightAt(state_.step);
    BRAID_RETURN_IF_ERROR(AddGradients(loader, place, &record.sums));
    // Left within a round, whose metrics would be lost.
    if (stop_ && outer_ != nullptr) return RecordRound(/*last_too=*/true);
    if (stop_) return OkStatus();
    record.sums[StepRecord::kStop] = channel_.stop_requested() ? 1 : 0;
    record.sums[StepRecord::kCheckpoint] = channel_.TakeCheckpointRequest() ? 1 : 0;
    return outer_ == nullptr ? StepTogether(record) : StepAlone(record);
  }

  // The ranks add up their gradients, and make the same update, or each its part of it.
  Status StepTogether(StepRecord record) {
    BRAID_RETURN_IF_ERROR(shared_ != nullptr ? gradient_sum_->SumPart(shared_->part())
                                             : gradient_sum_->Sum());
    BRAID_RETURN_IF_ERROR(collective_->AllReduce(record.sums.data(), StepRecord::kNorm));
    const double norm = Update(record);
    if (shared_ != nullptr) BRAID_RETURN_IF_ERROR(shared_->Finish());
    if (const std::string fault = record.Fault(settings_, norm); !fault.empty())
      return Diverged(fault);
    Advance(record);
    average_->AfterUpdate(state_.step);
    Heed(record);
    state_.unfinished = record.Values(settings_, task_.world, norm);
    return FinishStep();
  }

  // This rank makes an update of its own. At the end of a round the ranks agree.
  Status StepAlone(StepRecord record) {
    record.sums[StepRecord::kNorm] = Update(record);
    Advance(record);
    round_.push_back(record);
    if (!outer_->Ends(state_.step)) {
      journal_.TellProgress(state_.step, state_.tokens);
      return OkStatus();
    }
    BRAID_RETURN_IF_ERROR(RecordRound(/*last_too=*/false));
    BRAID_RETURN_IF_ERROR(outer_->Step(state_.step, *collective_));
    BRAID_RETURN_IF_ERROR(FinishStep());
    BeginRound();
    return OkStatus();
  }

  // Returns the norm of the gradient, or the loss if that is not finite: a norm that is not finite
  // means that the update would spoil the weights, so the optimizer must not see such a loss.
  double Update(const StepRecord& record) {
    const double loss = record.Loss(settings_);
    if (std::isfinite(loss)) return optimizer_->Step(record.lr);
    network_->ZeroGradients();
    return loss;
  }

  void Advance(const StepRecord& record) {
    state_.step = record.step;
    // That of the step that would follow: exactly where the curve ends, after the last one.
    state_.rate = LearningRate(settings_.schedule, state_.step);
    state_.epoch = record.epoch;
    state_.tokens = record.tokens;
  }

  // What was asked for during the step, of any rank.
  void Heed(const StepRecord& record) {
    stop_ = stop_ || record.sums[StepRecord::kStop] > 0;
    if (record.sums[StepRecord::kCheckpoint] > 0) checkpoints_->Ask();
  }

  // The round that the next step belongs to begins, or goes on where a checkpoint was taken.
  void BeginRound() {
    if (outer_ == nullptr || state_.step == plan_.total) return;
    step_vote_->Begin();
    round_done_ = round_total_ = 0;
    for (int64_t step = state_.step; step < outer_->RoundEnd(state_.step); ++step)
      round_total_ += std::ssize(plan_.At(settings_, step).micro_batches);
  }

  // Makes metrics and history of the steps that the ranks have made by themselves, as means over
  // the ranks. Without `last_too` the values of the last one wait for what is measured behind it.
  Status RecordRound(bool last_too) {
    if (round_.empty()) return OkStatus();
    BRAID_RETURN_IF_ERROR(AddUp(*collective_, &round_));
    for (const StepRecord& record : round_) {
      const double norm = record.sums[StepRecord::kNorm] / static_cast<double>(task_.world);
      if (const std::string fault = record.Fault(settings_, norm); !fault.empty())
        return Diverged(fault);
      Heed(record);
      const Json values = record.Values(settings_, task_.world, norm);
      if (&record == &round_.back() && !last_too) {
        state_.unfinished = values;
      } else if (task_.rank == 0) {
        journal_.Record(record.step, values);
      }
    }
    round_.clear();
    return OkStatus();
  }

  // Validation, measurements and the record of the newest step. If a stop interrupts the
  // validation, state_.unfinished keeps the metrics of the step, and whoever resumes continues
  // here.
  Status FinishStep() {
    Json values = state_.unfinished;
    if (ValidationDue()) {
      BRAID_RETURN_IF_ERROR(Validate(&values));
      if (validation_abandoned_) return OkStatus();
    }
    const bool read_out = HasPassed(settings_.telemetry_steps);
    // The other ranks wait for rank 0 in the next all-reduce.
    if (read_out && task_.rank == 0) {
      network_->SetEvaluationSeed(
          RandomStream(settings_.seed, "telemetry").Bits(static_cast<uint64_t>(state_.step)));
      values.update(ReadBlockProbes(*network_, opened_.corpora(), settings_.data.sequence));
    }
    state_.unfinished = Json();
    if (task_.rank == 0) journal_.Record(state_.step, values);
    journal_.TellProgress(state_.step, state_.tokens);
    return OkStatus();
  }

  // Forward and backward pass of this rank's rows of all micro-batches of the step. A long step is
  // abandoned after a request to stop; no weight has changed then, so it can simply be done again.
  // Of ranks that train by themselves, what is left is the rest of the round, after which they
  // would agree anyway.
  Status AddGradients(DataLoader& loader, const StepPlace& place, StepRecord::Sums* sums) {
    if (outer_ == nullptr) step_vote_->Begin();
    const auto count = static_cast<int64_t>(place.micro_batches.size());
    for (int64_t m = 1; m <= count && !stop_; ++m) {
      BRAID_ASSIGN_OR_RETURN(const MicroBatch batch, loader.Next());
      gradient_sum_->Read(batch.ids);
      BRAID_RETURN_IF_ERROR(pass_->AddGradient(batch, place, state_.step, sums));
      BRAID_ASSIGN_OR_RETURN(stop_, outer_ == nullptr
                                        ? step_vote_->ShouldLeave(m, count)
                                        : step_vote_->ShouldLeave(++round_done_, round_total_));
    }
    return OkStatus();
  }

  // After the last step of the job always, so that each training ends with a validation loss.
  bool ValidationDue() const {
    if (state_.step == plan_.job_end) return true;
    return HasPassed(settings_.validate_steps > 0 ? settings_.validate_steps : plan_.per_epoch);
  }

  // Whether a multiple of `every` steps (0: none) was reached since the ranks had the same weights
  // before: in this step, or in this round.
  bool HasPassed(int64_t every) const {
    const int64_t before = outer_ == nullptr ? state_.step - 1 : outer_->RoundBegin(state_.step);
    return every > 0 && state_.step / every > before / every;
  }

  Status Validate(Json* values) {
    const task::TimedSpan span(channel_, "validation", {{"step", state_.step}});
    BRAID_ASSIGN_OR_RETURN(const ValidationOutcome outcome,
                           ValidateStep(state_.step, settings_, opened_.corpora(), *network_,
                                        *collective_, *validation_vote_, values));
    validation_abandoned_ = outcome.abandoned;
    stop_ = stop_ || outcome.abandoned;
    return outcome.fault.empty() ? OkStatus() : Diverged(outcome.fault);
  }

  Status Diverged(const std::string& what) {
    BRAID_RETURN_IF_ERROR(checkpoints_->Finish());
    return DivergedStatus(what, std::max(last_good_, checkpoints_->newest()), settings_);
  }

  // Rank 0 decides. Ranks that train by themselves have to know, as each hands over what it has.
  Status MaybeCheckpoint() {
    if (state_.step == plan_.job_end) return OkStatus();
    if (outer_ != nullptr && !outer_->Ends(state_.step)) return OkStatus();
    const int64_t now = clock_.MonotonicMs();
    double begins = checkpoints_->Due(state_.step, now) ? 1 : 0;
    if (outer_ != nullptr) BRAID_RETURN_IF_ERROR(collective_->AllReduce(&begins, 1));
    return begins > 0 ? BeginCheckpoint(now) : OkStatus();
  }

  Status BeginCheckpoint(int64_t now) {
    BRAID_ASSIGN_OR_RETURN(OptimizerSnapshot snapshot, TakeSnapshot());
    checkpoints_->Begin(std::move(snapshot), state_, journal_.history(), now);
    return OkStatus();
  }

  // All from which the training goes on. With outer steps all ranks call it together, and the
  // snapshot is whole on rank 0.
  Result<OptimizerSnapshot> TakeSnapshot() {
    OptimizerSnapshot snapshot = TakeModel();
    if (outer_ != nullptr)
      BRAID_RETURN_IF_ERROR(outer_->Complete(state_.step, *collective_, &snapshot));
    return snapshot;
  }

  // The model with this rank's optimizer's state. The mean of its last states may have begun.
  OptimizerSnapshot TakeModel() const {
    OptimizerSnapshot snapshot = optimizer_->Take();
    average_->Save(&snapshot);
    return snapshot;
  }

  // A checkpoint of the present step, if there is none yet. Without a new step, the checkpoint that
  // this run began from is still the newest.
  Status KeepNewest() {
    if (state_.step == resumed_step_) return OkStatus();
    BRAID_RETURN_IF_ERROR(checkpoints_->Finish());
    if (task_.rank != 0 && outer_ == nullptr) return OkStatus();
    // With outer steps a checkpoint takes all ranks, and those but 0 do not know what was written.
    const int64_t newest = outer_ != nullptr ? checkpoints_->begun() : checkpoints_->newest();
    if (newest != state_.step) BRAID_RETURN_IF_ERROR(BeginCheckpoint(clock_.MonotonicMs()));
    return checkpoints_->Finish();
  }

  Status Stop() {
    BRAID_RETURN_IF_ERROR(KeepNewest());
    const bool skipped = task_.rank == 0 && checkpoints_->newest() != state_.step;
    return StoppedStatus(state_.step, plan_, skipped);
  }

  Status Finish() {
    BRAID_RETURN_IF_ERROR(checkpoints_->Finish());
    // Another job goes on from a rung, which may be as long as the whole training; otherwise the
    // other ranks' states are not needed any more.
    OptimizerSnapshot snapshot;
    if (outer_ != nullptr && settings_.until < 1) {
      BRAID_ASSIGN_OR_RETURN(snapshot, TakeSnapshot());
    } else if (task_.rank == 0) {
      snapshot = TakeModel();
    }
    if (task_.rank != 0) {
      channel_.Succeed(Json::object());
      return OkStatus();
    }
    return WriteOutputs({settings_, network_->layout(), snapshot, state_, journal_.history(),
                         journal_.last_values()},
                        task_, channel_);
  }

  const task::Task& task_;
  task::Channel& channel_;
  const Clock& clock_;
  OpenedTraining opened_;
  const TrainSettings& settings_ = opened_.settings;
  const StepPlan& plan_ = opened_.plan;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<WeightAverage> average_;
  std::unique_ptr<Collective> collective_;
  std::unique_ptr<GradientSum> gradient_sum_;
  std::unique_ptr<Teachers> teachers_;  // null where nobody teaches
  std::unique_ptr<MicroBatchPass> pass_;
  std::unique_ptr<SharedUpdate> shared_;  // null unless the ranks have weights in common
  // `step_vote_` is on the rest of the step, or of the round.
  std::unique_ptr<StopVote> step_vote_, validation_vote_;
  // Null for ranks that add up their gradients in each step.
  std::unique_ptr<OuterSteps> outer_;
  // The steps of the present round that the ranks have not told one another.
  std::vector<StepRecord> round_;
  // Micro-batches of the round since it began, or since this run went on with it.
  int64_t round_done_ = 0, round_total_ = 0;
  TrainState state_;
  Journal journal_{settings_, plan_, channel_, clock_};
  // Step that another job, or this one before, has kept; 0 if there is none.
  int64_t last_good_ = 0;
  // Step of the checkpoint that this run began from.
  int64_t resumed_step_ = 0;
  bool stop_ = false;
  bool validation_abandoned_ = false;
  std::optional<Checkpoints> checkpoints_;
};

}  // namespace

Status RunTrainJob(const task::Task& task, task::Channel& channel) {
  return RunTrainJob(task, channel, SystemClock());
}

Status RunTrainJob(const task::Task& task, task::Channel& channel, const Clock& clock) {
  ConfigureRuntime(task.threads);
  BRAID_ASSIGN_OR_RETURN(OpenedTraining opened, OpenTraining(task));
  return Training(task, std::move(opened), channel, clock).Run();
}

}  // namespace braid::trainer
