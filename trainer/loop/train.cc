#include "trainer/loop/train.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "corpus/dataset.h"
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
#include "trainer/loop/opened_training.h"
#include "trainer/loop/outer_steps.h"
#include "trainer/loop/settings.h"
#include "trainer/loop/step_record.h"
#include "trainer/loop/stop_vote.h"
#include "trainer/loop/training_outputs.h"
#include "trainer/loop/validation.h"
#include "trainer/optim/weight_average.h"

namespace braid::trainer {
namespace {

// How long a rank waits for the others in a collective operation before it counts them as lost.
// Long, because ranks load data and initialise at different speeds.
constexpr int64_t kPeerTimeoutMs = 300'000;
// The same of ranks that train by themselves: the slowest one may be far behind at the end of a
// round, and their lines are slow. The service notices by itself if a worker is lost.
constexpr int64_t kRoundTimeoutMs = 3'600'000;
// Milliseconds from one vote on a stop to the next of such ranks: a vote waits for a slow line.
constexpr double kRoundVoteMs = 10'000;

// What progress calls it.
constexpr char kPhase[] = "training";

class Training {
 public:
  Training(const task::Task& task, OpenedTraining opened, task::Channel& channel,
           const Clock& clock)
      : task_(task), channel_(channel), clock_(clock), opened_(std::move(opened)) {}

  Status Run() {
    BRAID_RETURN_IF_ERROR(Start());
    DataLoader loader(settings_, *opened_.dataset, plan_, state_.step, task_.rank, task_.world);
    channel_.BeginPhase(kPhase);
    begun_ms_ = clock_.MonotonicMs();
    begun_tokens_ = state_.tokens;
    checkpoints_.emplace(task_, settings_, *network_, channel_, state_.step, resumed_step_,
                         begun_ms_);
    BeginRound();
    // A stop has interrupted the validation of the last step, which comes first then.
    if (!state_.unfinished.is_null()) BRAID_RETURN_IF_ERROR(FinishStep());
    while (!stop_ && state_.step < plan_.job_end) {
      BRAID_RETURN_IF_ERROR(Step(loader));
      BRAID_RETURN_IF_ERROR(checkpoints_->TakeError());
      if (!stop_) BRAID_RETURN_IF_ERROR(MaybeCheckpoint());
    }
    // A stop that arrives after the last step has no effect: finishing is as quick as a checkpoint
    // would be.
    channel_.BeginPhase("writing");
    return state_.step < plan_.job_end || !state_.unfinished.is_null() ? Stop() : Finish();
  }

 private:
  Status Start() {
    BRAID_ASSIGN_OR_RETURN(network_, Network::Create(settings_.model, NameOf(task_.device)));
    network_->SetAuxiliary(settings_.auxiliary);
    BRAID_RETURN_IF_ERROR(ContinueRate(task_, &opened_.settings.schedule));
    optimizer_ = MakeOptimizer(*network_, settings_.optimizer);
    average_ = std::make_unique<WeightAverage>(settings_.average, plan_.total, *network_);
    if (settings_.outer_steps)
      outer_ = std::make_unique<OuterSteps>(*settings_.outer_steps, plan_.total, *network_);
    BRAID_ASSIGN_OR_RETURN(
        Beginning beginning,
        BeginTraining({task_, opened_, *network_, *optimizer_, *average_, outer_.get()}));
    state_ = std::move(beginning.state);
    history_ = std::move(beginning.history);
    last_values_ = std::move(beginning.last_values);
    resumed_step_ = beginning.resumed_step;
    // What a training that diverges later names as the checkpoint to go back to.
    last_good_ = state_.step;
    state_.seed = settings_.seed;
    state_.environment = EnvironmentOf(task_, settings_.precision);
    WarnOfSlowProducts(task_, settings_.precision);
    state_.settings = opened_.digest;
    state_.training = opened_.note;
    BRAID_RETURN_IF_ERROR(MeetRanks());
    Log(LogLevel::kInfo, task_.job,
        Format("%s: %s parameters, %lld steps of %lld x %lld sequences of %lld, rank %lld of %lld, "
               "%lld threads, %s",
               settings_.model.name.c_str(),
               FormatCount(static_cast<double>(model::ParameterCount(settings_.model))).c_str(),
               (long long)plan_.job_end, (long long)settings_.accumulate,
               (long long)settings_.batch, (long long)settings_.data.sequence,
               (long long)task_.rank, (long long)task_.world, (long long)task_.threads,
               state_.environment.instruction_set.c_str()));
    return OkStatus();
  }

  Status MeetRanks() {
    BRAID_ASSIGN_OR_RETURN(
        collective_,
        MakeCollective(channel_.rendezvous(), task_.rank, task_.world, NameOf(task_.device),
                       task_.address, outer_ == nullptr ? kPeerTimeoutMs : kRoundTimeoutMs));
    const double ask_ms = outer_ == nullptr ? StopVote::kAskMs : kRoundVoteMs;
    step_vote_ = std::make_unique<StopVote>(channel_, *collective_, clock_, ask_ms);
    validation_vote_ = std::make_unique<StopVote>(channel_, *collective_, clock_, ask_ms);
    ShareRouterLoad();
    gradient_sum_ = std::make_unique<GradientSum>(*network_, *collective_);
    BRAID_RETURN_IF_ERROR(gradient_sum_->Begin());
    BRAID_RETURN_IF_ERROR(ShareUpdates());
    return CompareRanks(task_, /*drifts=*/outer_ == nullptr && !part_, *collective_,
                        &state_.environment);
  }

  // Ranks of one host that make the same updates have weights and state in common, once, and each
  // updates a part. A mean of the weights is made by every rank at its own pace, from weights that
  // no other one touches.
  Status ShareUpdates() {
    if (task_.world == 1 || outer_ != nullptr || settings_.average.last > 0) return OkStatus();
    BRAID_ASSIGN_OR_RETURN(const bool shared,
                           collective_->ShareValues(optimizer_->SharedBuffers()));
    if (!shared) return OkStatus();
    UpdatePart part = PartOfRank(task_.rank, task_.world, network_->layout().size);
    part_ = Piece{part.begin, part.end};
    part.add_up = [this](std::vector<double>* values) {
      if (gang_status_.ok())
        gang_status_ = collective_->AllReduce(values->data(), std::ssize(*values));
      // The norm is not finite then, and no weight changes.
      if (!gang_status_.ok())
        std::fill(values->begin(), values->end(), std::numeric_limits<double>::quiet_NaN());
    };
    Log(LogLevel::kInfo, task_.job,
        Format("rank %lld updates elements %lld to %lld of the weights, which ranks of this host "
               "have in common",
               (long long)task_.rank, (long long)part.begin, (long long)part.end));
    optimizer_->UpdateOnly(std::move(part));
    return OkStatus();
  }

  // Formula (9) of docs/papers/papaformer.md#s3 takes the mean of the choices over a micro-batch
  // and then a logarithm, so the mean must be over the rows of all ranks: the mean of the ranks'
  // own losses would be another number. Ranks that train by themselves have micro-batches of their
  // own.
  void ShareRouterLoad() {
    if (task_.world == 1 || outer_ != nullptr || !settings_.model.chooses()) return;
    Auxiliary auxiliary = settings_.auxiliary;
    auxiliary.mean_over_ranks = [this](double* values, int64_t count) {
      if (gang_status_.ok()) gang_status_ = collective_->AllReduce(values, count);
      for (int64_t i = 0; i < count; ++i) values[i] /= static_cast<double>(task_.world);
    };
    network_->SetAuxiliary(auxiliary);
  }

  // One optimizer step with what follows it. A stop may interrupt either part: then `stop_` is set,
  // and the weights are those after state_.step updates.
  Status Step(DataLoader& loader) {
    const StepPlace place = plan_.At(settings_, state_.step);
    StepRecord record = RecordOf(place);
    BRAID_RETURN_IF_ERROR(AddGradients(loader, place, &record.sums));
    // Left within a round, whose metrics would be lost.
    if (stop_ && outer_ != nullptr) return RecordRound(/*last_too=*/true);
    if (stop_) return OkStatus();
    record.sums[StepRecord::kStop] = channel_.stop_requested() ? 1 : 0;
    record.sums[StepRecord::kCheckpoint] = channel_.TakeCheckpointRequest() ? 1 : 0;
    return outer_ == nullptr ? StepTogether(record) : StepAlone(record);
  }

  // The step that comes next; nothing is measured of it yet.
  StepRecord RecordOf(const StepPlace& place) const {
    const auto count = static_cast<int64_t>(place.micro_batches.size());
    return {.step = state_.step + 1,
            .epoch = place.epoch,
            .micro_batches = count,
            .tokens = state_.tokens + count * settings_.batch * settings_.data.sequence,
            .lr = LearningRate(settings_.schedule, state_.step)};
  }

  // The ranks add up their gradients, and make the same update, or each its part of it.
  Status StepTogether(StepRecord record) {
    BRAID_RETURN_IF_ERROR(part_ ? gradient_sum_->SumPart(*part_) : gradient_sum_->Sum());
    BRAID_RETURN_IF_ERROR(collective_->AllReduce(record.sums.data(), StepRecord::kNorm));
    const double norm = Update(record);
    BRAID_RETURN_IF_ERROR(gang_status_);
    if (part_) BRAID_RETURN_IF_ERROR(collective_->Barrier());
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
      TellProgress();
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
        Record(record.step, values);
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
    if (task_.rank == 0) Record(state_.step, values);
    TellProgress();
    return OkStatus();
  }

  // Forward and backward pass of this rank's rows of all micro-batches of the step. A long step is
  // abandoned after a request to stop; no weight has changed then, so it can simply be done again.
  // Of ranks that train by themselves, what is left is the rest of the round, after which they
  // would agree anyway.
  Status AddGradients(DataLoader& loader, const StepPlace& place, StepRecord::Sums* sums) {
    if (outer_ == nullptr) step_vote_->Begin();
    const auto count = static_cast<int64_t>(place.micro_batches.size());
    // A rank that trains by itself takes the mean over its own rows, a part of the micro-batch.
    const auto alone = static_cast<double>(outer_ == nullptr ? 1 : task_.world);
    for (int64_t m = 1; m <= count && !stop_; ++m) {
      BRAID_ASSIGN_OR_RETURN(const MicroBatch batch, loader.Next());
      BackwardOptions options;
      options.scale = 1.0 / (static_cast<double>(place.divisor * batch.targets) / alone);
      options.aux_scale = 1.0 / (static_cast<double>(place.divisor * task_.world) / alone);
      options.seed = settings_.seed;
      options.draw = static_cast<uint64_t>(batch.number);
      options.first_row = batch.first_row;
      options.precision = settings_.precision;
      const LossSum sum = network_->Backward(batch.ids.data(), batch.labels.data(),
                                             settings_.batch / task_.world, settings_.data.sequence,
                                             options);
      // An error of an all-reduce within the backward pass (ShareRouterLoad).
      BRAID_RETURN_IF_ERROR(gang_status_);
      gradient_sum_->Read(batch.ids);
      (*sums)[StepRecord::kLoss] += sum.loss;
      (*sums)[StepRecord::kLast] += sum.last;
      (*sums)[StepRecord::kAuxiliary] += sum.auxiliary;
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
    // With `router_noise: always`, validation draws noise too; the seed depends on the step, so
    // that validations do not share their noise.
    const ValidationSpec spec{
        settings_.data.sequence, settings_.validate_sequences, settings_.last_label,
        settings_.loss_average,
        RandomStream(settings_.seed, "validation").Bits(static_cast<uint64_t>(state_.step))};
    validation_vote_->Begin();
    const auto losses = ValidationLosses(
        *network_, opened_.corpora(), spec, *collective_,
        [this](int64_t done, int64_t total) -> Status {
          BRAID_ASSIGN_OR_RETURN(validation_abandoned_, validation_vote_->ShouldLeave(done, total));
          return validation_abandoned_ ? Cancelled("stopped while validating") : OkStatus();
        });
    if (validation_abandoned_) {
      stop_ = true;
      return OkStatus();
    }
    BRAID_RETURN_IF_ERROR(losses.status());
    for (const auto& [corpus, loss] : *losses) {
      if (!std::isfinite(loss.mean)) {
        return Diverged(Format("the validation loss of %s after step %lld is %g", corpus.c_str(),
                               (long long)state_.step, loss.mean));
      }
      (*values)["validation/" + corpus] = loss.mean;
      // Losses over other targets do not compare, so the one over those of `ignore` is there, too.
      if (settings_.last_label != spec::LastLabel::kIgnore)
        (*values)["validation_ignore_last/" + corpus] = loss.mean_ignore_last;
    }
    return OkStatus();
  }

  // One line twice: at once for whoever follows the job, and in the history, which checkpoints
  // carry, so that the artifact has all steps whatever attempts ran them.
  void Record(int64_t step, const Json& values) {
    channel_.Metric(step, values);
    Json line = values;
    line["step"] = step;
    history_ += line.dump() + "\n";
    last_values_ = values;
  }

  // Of every rank: while rank 0 is cut off from the coordinator, the others still tell that the
  // gang goes on.
  void TellProgress() {
    const double seconds =
        std::max<double>(1, static_cast<double>(clock_.MonotonicMs() - begun_ms_)) / 1000;
    // Of this process alone: what earlier attempts took says nothing about this machine.
    const double rate = static_cast<double>(state_.tokens - begun_tokens_) / seconds;
    const double step_tokens = static_cast<double>(settings_.batch * settings_.accumulate *
                                                   settings_.data.sequence);
    channel_.Progress(
        kPhase, "steps", state_.step, plan_.job_end, rate,
        rate > 0 ? static_cast<double>(plan_.job_end - state_.step) * step_tokens / rate : -1);
  }

  Status Diverged(const std::string& what) {
    BRAID_RETURN_IF_ERROR(checkpoints_->Finish());
    const int64_t last_good = std::max(last_good_, checkpoints_->newest());
    const bool continues = settings_.schedule.kind == spec::LrSchedule::kContinue;
    return {
        StatusCode::kInvalidArgument, ErrorReason::kDiverged,
        Format("%s; the training has diverged and stops. Last good checkpoint: %s. %s may help",
               what.c_str(), last_good > 0 ? ("step " + std::to_string(last_good)).c_str() : "none",
               continues ? "warmup_steps, lower factors of train.groups, or another lr_schedule"
                         : "A lower train.optimizer.lr or more warmup_steps")};
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
    checkpoints_->Begin(std::move(snapshot), state_, history_, now);
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

  // The model with the optimizer's state of this rank. Before the end of the training the mean of
  // its last states may have begun.
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
    if (state_.step == 0)
      return Cancelled(Format("stopped within the first step of %lld: there is nothing to keep yet",
                              (long long)plan_.job_end));
    const bool skipped = task_.rank == 0 && checkpoints_->newest() != state_.step;
    return Cancelled(Format(
        "stopped after step %lld of %lld %s", (long long)state_.step, (long long)plan_.job_end,
        skipped ? "without a checkpoint, for want of room on the disk" : "with a checkpoint"));
  }

  Status Finish() {
    BRAID_RETURN_IF_ERROR(checkpoints_->Finish());
    // Another job goes on from the end of a rung; of a whole training the other ranks' states are
    // not needed any more.
    OptimizerSnapshot snapshot;
    // A rung may be as long as the whole training, as it ends with a round.
    if (outer_ != nullptr && settings_.until < 1) {
      BRAID_ASSIGN_OR_RETURN(snapshot, TakeSnapshot());
    } else if (task_.rank == 0) {
      snapshot = TakeModel();
    }
    if (task_.rank != 0) {
      channel_.Succeed(Json::object());
      return OkStatus();
    }
    return WriteOutputs({settings_, network_->layout(), snapshot, state_, history_, last_values_},
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
  // `step_vote_` is on the rest of the step, or of the round.
  std::unique_ptr<StopVote> step_vote_, validation_vote_;
  // Null for ranks that add up their gradients in each step.
  std::unique_ptr<OuterSteps> outer_;
  // The steps of the present round that the ranks have not told one another.
  std::vector<StepRecord> round_;
  // Micro-batches of the round since it began, or since this run went on with it.
  int64_t round_done_ = 0, round_total_ = 0;
  // What this rank updates, if the ranks have weights in common.
  std::optional<Piece> part_;
  // Result of the collective operations within a backward pass or an update, which have no status
  // of their own to return.
  Status gang_status_ = OkStatus();
  TrainState state_;
  std::string history_;
  Json last_values_ = Json::object();
  // Step that another job, or this one before, has kept; 0 if there is none.
  int64_t last_good_ = 0;
  // Step of the checkpoint that this run began from.
  int64_t resumed_step_ = 0;
  bool stop_ = false;
  bool validation_abandoned_ = false;
  // Set before the first step.
  std::optional<Checkpoints> checkpoints_;
  int64_t begun_ms_ = 0;
  int64_t begun_tokens_ = 0;
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
