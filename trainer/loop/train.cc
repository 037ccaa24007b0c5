#include "trainer/loop/train.h"

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "corpus/dataset.h"
#include "storage/files/artifact_files.h"
#include "task/timed_span.h"
#include "trainer/collective/collective.h"
#include "trainer/loop/block_probes.h"
#include "trainer/loop/checkpoint.h"
#include "trainer/loop/checkpoint_schedule.h"
#include "trainer/loop/checkpoint_writer.h"
#include "trainer/loop/continued_rate.h"
#include "trainer/loop/data_loader.h"
#include "trainer/loop/environments.h"
#include "trainer/loop/going_on.h"
#include "trainer/loop/gradient_sum.h"
#include "trainer/loop/opened_training.h"
#include "trainer/loop/settings.h"
#include "trainer/loop/start_weights.h"
#include "trainer/loop/stop_vote.h"
#include "trainer/loop/training_outputs.h"
#include "trainer/loop/validation.h"
#include "trainer/optim/weight_average.h"

namespace braid::trainer {
namespace {

// How long a rank waits for the others in a collective operation before it counts them as lost.
// Long, because ranks load data and initialise at different speeds.
constexpr int64_t kPeerTimeoutMs = 300'000;

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
    checkpoints_.emplace(settings_, begun_ms_);
    // A stop has interrupted the validation of the last step, which comes first then.
    if (!state_.unfinished.is_null()) BRAID_RETURN_IF_ERROR(FinishStep());
    while (!stop_ && state_.step < plan_.job_end) {
      BRAID_RETURN_IF_ERROR(Step(loader));
      if (writer_ != nullptr) BRAID_RETURN_IF_ERROR(FatalOf(writer_->TakeError()));
      if (!stop_) MaybeCheckpoint();
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
    state_.seed = settings_.seed;
    BRAID_RETURN_IF_ERROR(StartWeights());
    state_.environment = EnvironmentOf(task_, settings_.precision);
    WarnOfSlowProducts(task_, settings_.precision);
    state_.settings = opened_.digest;
    state_.training = opened_.note;
    BRAID_RETURN_IF_ERROR(MeetRanks());
    if (task_.rank == 0) {
      writer_ = std::make_unique<CheckpointWriter>(JoinPath(task_.work, "checkpoints"), *network_,
                                                   channel_);
    }
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

  // A checkpoint of this training goes before what it begins with.
  Status StartWeights() {
    if (!task_.resume.empty()) return Resume();
    if (task_.inputs.contains(task::role::kRung)) return GoOnFromRung();
    if (task_.inputs.contains(task::role::kContinue)) return GoOn();
    if (task_.inputs.contains(task::role::kInit))
      return LoadStart(task_, settings_, network_.get(), optimizer_.get());
    network_->Initialize(settings_.seed);
    return OkStatus();
  }

  Status MeetRanks() {
    BRAID_ASSIGN_OR_RETURN(collective_,
                           MakeCollective(channel_.rendezvous(), task_.rank, task_.world,
                                          NameOf(task_.device), task_.address, kPeerTimeoutMs));
    BRAID_RETURN_IF_ERROR(CompareRanks(task_, *collective_, &state_.environment));
    step_vote_ = std::make_unique<StopVote>(channel_, *collective_, clock_);
    validation_vote_ = std::make_unique<StopVote>(channel_, *collective_, clock_);
    ShareRouterLoad();
    gradient_sum_ = std::make_unique<GradientSum>(*network_, *collective_);
    return gradient_sum_->Begin();
  }

  // Formula (9) of docs/papers/papaformer.md#s3 takes the mean of the choices over a micro-batch
  // and then a logarithm, so the mean must be over the rows of all ranks: the mean of the ranks'
  // own losses would be another number.
  void ShareRouterLoad() {
    if (task_.world == 1 || !settings_.model.chooses()) return;
    Auxiliary auxiliary = settings_.auxiliary;
    auxiliary.mean_over_ranks = [this](double* values, int64_t count) {
      if (gang_status_.ok()) gang_status_ = collective_->AllReduce(values, count);
      for (int64_t i = 0; i < count; ++i) values[i] /= static_cast<double>(task_.world);
    };
    network_->SetAuxiliary(auxiliary);
  }

  Status Resume() {
    BRAID_RETURN_IF_ERROR(GoOnFrom(task_.resume));
    resumed_step_ = state_.step;
    return OkStatus();
  }

  // What another job has done of this training. No checkpoint of this job is there yet.
  Status GoOnFromRung() {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task_.Input(task::role::kRung));
    return GoOnFrom(folder);
  }

  // Goes on as if the training had never been stopped.
  Status GoOnFrom(const std::string& folder) {
    BRAID_ASSIGN_OR_RETURN(
        Resumed resumed,
        ReadCheckpoint(folder, settings_.model, network_->layout(),
                       FindOptimizer(settings_.optimizer.kind).states(network_->layout())));
    if (resumed.state.settings != opened_.digest) {
      return InvalidArgument(
          folder + " is a checkpoint of a training with other settings; start without it");
    }
    average_->Restore(resumed.snapshot);
    Log(LogLevel::kInfo, task_.job,
        Format("goes on after step %lld", (long long)resumed.state.step));
    return Take(std::move(resumed), folder);
  }

  // A training of the same text, made longer. The mean of its last states is made anew, as those of
  // the longer training are others; and no checkpoint of this training is there yet.
  Status GoOn() {
    BRAID_ASSIGN_OR_RETURN(Resumed resumed,
                           ReadContinued(task_, settings_, opened_.note, network_->layout()));
    return Take(std::move(resumed), task_.inputs.at(task::role::kContinue));
  }

  // The state from which the training goes on; `folder` is where it was read.
  Status Take(Resumed resumed, const std::string& folder) {
    optimizer_->Restore(resumed.snapshot);
    history_ = std::move(resumed.history);
    state_ = std::move(resumed.state);
    // What a training that diverges later names as the checkpoint to go back to.
    last_good_ = state_.step;
    NoteChange(task_, EnvironmentOf(task_, settings_.precision), &state_);
    // If the task was stopped after its last step, no step follows, and the summary takes its final
    // values from here.
    if (const size_t end = history_.find_last_of('\n'); end != std::string::npos) {
      const size_t begin = end == 0 ? std::string::npos : history_.find_last_of('\n', end - 1);
      BRAID_ASSIGN_OR_RETURN(
          last_values_, ParseJson(std::string_view(history_).substr(begin + 1, end - begin - 1),
                                  JoinPath(folder, artifact_files::kHistory)));
      last_values_.erase("step");
    }
    return OkStatus();
  }

  // One optimizer step with what follows it. A stop may interrupt either part: then `stop_` is set,
  // and the weights are those after state_.step updates.
  Status Step(DataLoader& loader) {
    const StepPlace place = plan_.At(settings_, state_.step);
    StepSums sums;
    BRAID_RETURN_IF_ERROR(AddGradients(loader, place, &sums));
    if (stop_) return OkStatus();
    sums[kStop] = channel_.stop_requested() ? 1 : 0;
    sums[kCheckpoint] = channel_.TakeCheckpointRequest() ? 1 : 0;
    BRAID_RETURN_IF_ERROR(gradient_sum_->Sum());
    BRAID_RETURN_IF_ERROR(collective_->AllReduce(sums.data(), static_cast<int64_t>(sums.size())));
    const double lr = LearningRate(settings_.schedule, state_.step);
    const auto sequences = static_cast<double>(static_cast<int64_t>(place.micro_batches.size()) *
                                               settings_.batch);
    const int64_t T = settings_.data.sequence;
    // The mean over all targets of all ranks.
    const double loss = sums[kLoss] / (sequences * static_cast<double>(
                                                       TargetsOfSequence(T, settings_.last_label)));
    // A norm that is not finite means that the update would spoil the weights, so the optimizer
    // must not see such a loss.
    const double norm = std::isfinite(loss) ? optimizer_->Step(lr) : loss;
    if (!std::isfinite(loss) || !std::isfinite(norm)) {
      // Which sign a NaN has depends on the processor and is no news to anybody.
      const auto shown = [](double x) { return std::isnan(x) ? std::abs(x) : x; };
      return Diverged(Format("the loss of step %lld is %g and its gradient norm %g",
                             (long long)state_.step + 1, shown(loss), shown(norm)));
    }
    ++state_.step;
    average_->AfterUpdate(state_.step);
    // That of the step that would follow: exactly where the curve ends, after the last one.
    state_.rate = LearningRate(settings_.schedule, state_.step);
    state_.epoch = place.epoch;
    state_.tokens += static_cast<int64_t>(place.micro_batches.size()) * settings_.batch * T;
    stop_ = sums[kStop] > 0;
    if (sums[kCheckpoint] > 0) checkpoints_->Ask();
    state_.unfinished = {{"loss", loss},
                         {"lr", lr},
                         {"gradient_norm", norm},
                         {"tokens", state_.tokens},
                         {"epoch", place.epoch},
                         {"loss_ignore_last",
                          (sums[kLoss] - sums[kLast]) / (sequences * static_cast<double>(T - 1))}};
    if (settings_.model.chooses()) {
      state_.unfinished["aux"] =
          sums[kAuxiliary] /
          static_cast<double>(static_cast<int64_t>(place.micro_batches.size()) * task_.world);
    }
    return FinishStep();
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
    const bool read_out = settings_.telemetry_steps > 0 &&
                          state_.step % settings_.telemetry_steps == 0;
    // The other ranks wait for rank 0 in the next all-reduce.
    if (read_out && task_.rank == 0) {
      network_->SetEvaluationSeed(
          RandomStream(settings_.seed, "telemetry").Bits(static_cast<uint64_t>(state_.step)));
      values.update(ReadBlockProbes(*network_, opened_.corpora(), settings_.data.sequence));
    }
    state_.unfinished = Json();
    if (task_.rank == 0) Record(values);
    TellProgress();
    return OkStatus();
  }

  // Sums over the ranks of each step. Requests to stop travel with the losses, so that all ranks
  // see them in the same step and make the same decisions; a rank that stopped alone would leave
  // the others waiting in their next all-reduce.
  enum Sum { kLoss, kLast, kAuxiliary, kStop, kCheckpoint, kSums };
  using StepSums = std::array<double, kSums>;

  // Forward and backward pass of this rank's rows of all micro-batches of the step. A long step is
  // abandoned after a request to stop; no weight has changed then, so it can simply be done again.
  Status AddGradients(DataLoader& loader, const StepPlace& place, StepSums* sums) {
    sums->fill(0);
    step_vote_->Begin();
    const auto count = static_cast<int64_t>(place.micro_batches.size());
    for (int64_t m = 1; m <= count && !stop_; ++m) {
      BRAID_ASSIGN_OR_RETURN(const MicroBatch batch, loader.Next());
      BackwardOptions options;
      options.scale = 1.0 / static_cast<double>(place.divisor * batch.targets);
      options.aux_scale = 1.0 / static_cast<double>(place.divisor * task_.world);
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
      (*sums)[kLoss] += sum.loss;
      (*sums)[kLast] += sum.last;
      (*sums)[kAuxiliary] += sum.auxiliary;
      BRAID_ASSIGN_OR_RETURN(stop_, step_vote_->ShouldLeave(m, count));
    }
    return OkStatus();
  }

  // After the last step of the job always, so that each training ends with a validation loss.
  bool ValidationDue() const {
    if (state_.step == plan_.job_end) return true;
    if (settings_.validate_steps > 0) return state_.step % settings_.validate_steps == 0;
    return state_.step % plan_.per_epoch == 0;
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
  void Record(const Json& values) {
    channel_.Metric(state_.step, values);
    Json line = values;
    line["step"] = state_.step;
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
    if (writer_ != nullptr) {
      BRAID_RETURN_IF_ERROR(FatalOf(writer_->Finish()));
      last_good_ = std::max(last_good_, writer_->last_written());
    }
    const bool continues = settings_.schedule.kind == spec::LrSchedule::kContinue;
    return InvalidArgument(Format(
        "%s; the training has diverged and stops. Last good checkpoint: %s. %s may help",
        what.c_str(), last_good_ > 0 ? ("step " + std::to_string(last_good_)).c_str() : "none",
        continues ? "warmup_steps, lower factors of train.groups, or another lr_schedule"
                  : "A lower train.optimizer.lr or more warmup_steps"));
  }

  void MaybeCheckpoint() {
    if (task_.rank != 0) return;
    const int64_t now = clock_.MonotonicMs();
    if (!checkpoints_->AfterStep(state_.step, now) || writer_->busy() || writer_->behind() ||
        state_.step == plan_.job_end)
      return;
    checkpoints_->Begun(now);
    writer_->Begin(TakeSnapshot(), state_, history_);
  }

  // All from which the training goes on.
  OptimizerSnapshot TakeSnapshot() const {
    OptimizerSnapshot snapshot = optimizer_->Take();
    average_->Save(&snapshot);
    return snapshot;
  }

  // The error of a checkpoint, if the training cannot go on after it: a full disk only costs this
  // checkpoint as long as there is an older one to resume from.
  Status FatalOf(const Status& status) {
    const int64_t older = std::max(resumed_step_, writer_->last_written());
    if (!status.Is(ErrorReason::kStorageFull) || older == 0) return status;
    Log(LogLevel::kWarning, task_.job,
        Format("%s; it is skipped, and the newest checkpoint is that of step %lld",
               status.message().c_str(), (long long)older));
    return OkStatus();
  }

  Status Stop() {
    // Without a new step, the checkpoint that this run began from is still the newest.
    if (task_.rank == 0 && state_.step != resumed_step_) {
      BRAID_RETURN_IF_ERROR(FatalOf(writer_->Finish()));
      if (writer_->last_written() != state_.step) writer_->Begin(TakeSnapshot(), state_, history_);
      BRAID_RETURN_IF_ERROR(FatalOf(writer_->Finish()));
    }
    if (state_.step == 0)
      return Cancelled(Format("stopped within the first step of %lld: there is nothing to keep yet",
                              (long long)plan_.job_end));
    const bool skipped = writer_ != nullptr &&
                         std::max(resumed_step_, writer_->last_written()) != state_.step;
    return Cancelled(Format(
        "stopped after step %lld of %lld %s", (long long)state_.step, (long long)plan_.job_end,
        skipped ? "without a checkpoint, for want of room on the disk" : "with a checkpoint"));
  }

  Status Finish() {
    if (task_.rank != 0) {
      channel_.Succeed(Json::object());
      return OkStatus();
    }
    BRAID_RETURN_IF_ERROR(FatalOf(writer_->Finish()));
    // Before the end of the training the mean of its last states may have begun.
    const OptimizerSnapshot snapshot = TakeSnapshot();
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
  std::unique_ptr<StopVote> step_vote_, validation_vote_;
  // Result of the collective operations within a backward pass, which has no status of its own to
  // return.
  Status gang_status_ = OkStatus();
  // Null on all ranks but 0.
  std::unique_ptr<CheckpointWriter> writer_;
  TrainState state_;
  std::string history_;
  Json last_values_ = Json::object();
  // Step of the newest known checkpoint; 0 if there is none.
  int64_t last_good_ = 0;
  // Step of the checkpoint that this run began from.
  int64_t resumed_step_ = 0;
  bool stop_ = false;
  bool validation_abandoned_ = false;
  // Set before the first step.
  std::optional<CheckpointSchedule> checkpoints_;
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
