#include "worker/agent/rank.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/text.h"
#include "worker/agent/outcome.h"

namespace braid::worker {
namespace {

// How long the log of a dropped rank is sent: enough for a slow line, and no burden of a worker
// whose coordinator is away.
constexpr int64_t kRestOfLogMs = 30'000;

}  // namespace

Rank::Rank(const Services& services, const Owner& owner, const Assignment& assignment)
    : Rank(services, KeptRank{owner, assignment, std::nullopt, std::nullopt}) {}

Rank::Rank(const Services& services, const KeptRank& kept)
    : turn_(services.turn),
      calls_(services.calls),
      moves_(services.moves),
      fetches_(services.fetches),
      cached_(services.cached),
      owner_(kept.owner),
      assignment_(kept.assignment),
      call_owner_(kept.assignment.key.ToString()),
      recovered_checkpoint_(kept.checkpoint),
      outbox_(turn_, calls_, moves_, cached_, assignment_,
              {.on_stale = [this] { Drop(); },
               .on_safe =
                   [this](int64_t step) {
                     if (!has_program_) return;
                     turn_.Add(TellProgram{assignment_.key,
                                           {{"control", "checkpoint_stored"}, {"step", step}}});
                   }}),
      trace_(turn_, assignment_),
      rendezvous_(
          turn_, calls_, assignment_.key,
          {.tell =
               [this](const Json& control) { turn_.Add(TellProgram{assignment_.key, control}); },
           .on_stale = [this] { Drop(); }}),
      end_(kept.end) {}

// Not as soon as the rank is dropped: its program may read until it is gone.
Rank::~Rank() {
  cached_.EndUse(call_owner_);
}

void Rank::Recover() {
  const std::string what = end_.has_value()
                               ? "its end"
                               : "its checkpoint of step " +
                                     std::to_string(recovered_checkpoint_->message.step);
  turn_.Say(LogLevel::kInfo, assignment_,
            "delivering " + what + ", which an earlier process of this worker kept on the disk");
  trace_.Begin(/*recovered=*/true);
  if (end_.has_value() && !end_->started) return Send(end_->outcome);
  phase_ = Phase::kSending;
  trace_.Next("deliver");
  // Nobody resumes from a checkpoint of a job that has succeeded.
  const bool success = end_.has_value() && end_->outcome.success;
  outbox_.Recover(success ? std::nullopt : recovered_checkpoint_);
  outbox_.Close([this] { Conclude(); });
}

void Rank::Begin(std::vector<std::string> gpus) {
  gpus_ = std::move(gpus);
  trace_.Begin(/*recovered=*/false);
  // In the first case the coordinator only wants to hear of the end; in the second this worker is
  // leaving, so that the job is to be tried elsewhere.
  if (assignment_.stop) return Report(Failed("cancelled", Cancelled("stopped before it began")));
  if (stop_asked_) return Report(Failed("preempted", Cancelled("stopped before it began")));
  if (assignment_.device == braid::Device::kCuda &&
      gpus_.size() < static_cast<size_t>(assignment_.slots)) {
    return Report(Failed("infra", Unavailable(Format("%zu of %lld GPUs are free on this worker",
                                                     gpus_.size(), (long long)assignment_.slots))));
  }
  phase_ = Phase::kFetching;
  progress_ = {.phase = "fetching"};
  if (!assignment_.checkpoint.empty()) cached_.Use(call_owner_, assignment_.checkpoint);
  for (const auto& [role, artifact] : assignment_.inputs) cached_.Use(call_owner_, artifact);
  if (!assignment_.checkpoint.empty()) to_fetch_.push_back(assignment_.checkpoint);
  // The list is taken from its end, so the inputs come first, in their order, and the checkpoint
  // last.
  for (auto input = assignment_.inputs.rbegin(); input != assignment_.inputs.rend(); ++input)
    to_fetch_.push_back(input->second);
  FetchNext();
}

void Rank::FetchNext() {
  if (to_fetch_.empty()) return StartProgram();
  const std::string artifact = to_fetch_.back();
  to_fetch_.pop_back();
  trace_.Next("fetch", {{"braid.artifact.id", artifact}});
  fetches_.Fetch(call_owner_, artifact, [this, artifact](const Status& status) {
    trace_.EndPart(status);
    if (!status.ok()) return OnFetchFailed(artifact, status);
    FetchNext();
  });
}

// Bytes that arrive damaged twice are damaged in the store, or by this machine. The coordinator
// hashes its copy to find out which, because the job is only tried again elsewhere if its input is
// good.
void Rank::OnFetchFailed(const std::string& artifact, const Status& status) {
  if (!IsDamaged(status)) return Report(TransferFailed(status));
  calls_.RetryUntilSettled(call_owner_, VerifyArtifact{artifact}, [this, status](const Done& done) {
    Report(DamagedInput(status, done.status));
  });
}

void Rank::StartProgram() {
  phase_ = Phase::kStarting;
  has_program_ = true;
  trace_.Next("program");
  turn_.Add(worker::StartProgram{owner_, assignment_, gpus_});
}

void Rank::OnStarted(const Status& status) {
  if (!has_program_) return;
  if (!status.ok()) {
    has_program_ = false;
    trace_.EndPart(status);
    if (phase_ == Phase::kStarting) return Report(Failed("infra", status));
    return Settle();
  }
  // The rank was dropped while its program was being started; KillProgram is on its way.
  if (phase_ != Phase::kStarting) return;
  phase_ = Phase::kRunning;
  progress_ = {.phase = "starting"};
  outbox_.Start();
  if (stop_asked_) TellStop();
}

void Rank::OnSaid(const ProgramMessage& message) {
  if (phase_ != Phase::kRunning) return;
  std::visit([this](const auto& kind) { OnMessage(kind); }, message);
}

void Rank::Stop(int64_t deadline_ms) {
  const int64_t by_ms = turn_.now_ms + deadline_ms;
  // An abort (0) gives no time for a checkpoint, and takes none away from a rank that is writing
  // one: its peers have ended at once, and by that the coordinator has learned of the stop.
  if (stop_asked_ && (deadline_ms == 0 || by_ms >= stop_by_ms_)) return;
  const bool again = std::exchange(stop_asked_, true);
  stop_by_ms_ = by_ms;
  if (again) {
    if (stop_told_ && phase_ == Phase::kRunning) KillWhenDue();
    return;
  }
  if (phase_ == Phase::kFetching) {
    calls_.CancelAll(call_owner_);
    fetches_.Leave(call_owner_);
    Report(Failed("preempted", Cancelled("stopped before it began")));
  } else if (phase_ == Phase::kRunning) {
    TellStop();
  }
}

void Rank::TellStop() {
  stop_told_ = true;
  turn_.Add(TellProgram{assignment_.key,
                        {{"control", "stop"}, {"deadline_ms", stop_by_ms_ - turn_.now_ms}}});
  KillWhenDue();
}

void Rank::KillWhenDue() {
  calls_.Later(call_owner_, std::max<int64_t>(0, stop_by_ms_ - turn_.now_ms), [this] {
    if (has_program_) turn_.Add(KillProgram{assignment_.key});
  });
}

void Rank::Drop() {
  if (phase_ >= Phase::kLeaving) return;
  owes_log_ = phase_ == Phase::kRunning || phase_ == Phase::kSending;
  Leave();
}

void Rank::Abandon() {
  owes_log_ = false;
  if (phase_ == Phase::kSendingLog) return RemoveFolder();
  if (phase_ >= Phase::kLeaving) return;
  leave_folder_ = end_.has_value() || outbox_.keeps_checkpoint();
  Leave();
}

void Rank::Leave() {
  // A rank that only waited for slots has no folder to remove.
  const bool begun = phase_ != Phase::kWaiting;
  phase_ = Phase::kLeaving;
  trace_.End(nullptr);
  if (has_program_) turn_.Add(KillProgram{assignment_.key});
  CancelWork();
  if (begun) return Settle();
  phase_ = Phase::kFinished;
}

void Rank::CancelWork() {
  calls_.CancelAll(call_owner_);
  outbox_.Leave();
  moves_.Leave(call_owner_);
  fetches_.Leave(call_owner_);
}

void Rank::Settle() {
  if (phase_ != Phase::kLeaving || has_program_ || calls_.InFlight(call_owner_) ||
      outbox_.InFlight())
    return;
  if (owes_log_) return SendRestOfLog();
  if (!leave_folder_) return RemoveFolder();
  phase_ = Phase::kFinished;
}

void Rank::SendRestOfLog() {
  phase_ = Phase::kSendingLog;
  const auto remove = [this] {
    if (phase_ == Phase::kSendingLog) RemoveFolder();
  };
  calls_.Later(call_owner_, kRestOfLogMs, remove);
  outbox_.SendRestOfLog(remove);
}

void Rank::OnEnded(const ProgramEnded& ended, bool worker_stops) {
  if (!has_program_) return;
  has_program_ = false;
  if (phase_ != Phase::kRunning) return Settle();
  phase_ = Phase::kSending;
  rendezvous_.Close();
  end_ = EndOf(ended, worker_stops);
  trace_.EndProgram(end_->outcome);
  trace_.Next("deliver");
  // The end is on the disk before anything waits for the coordinator, which may be away for longer
  // than this process lives.
  outbox_.WhenMetricsAreKept([this] {
    if (phase_ == Phase::kSending) Keep([this] { outbox_.Close([this] { Conclude(); }); });
  });
}

KeptEnd Rank::EndOf(const ProgramEnded& ended, bool worker_stops) const {
  KeptEnd end;
  end.started = true;
  if (result_.has_value() && EndedWell(ended)) {
    end.outcome.success = true;
    end.outcome.summary = result_->summary;
    end.outputs = result_->outputs;
  } else {
    // A result without a clean exit counts as none: the program died while it ended.
    end.outcome = EndOfFailure(error_, ended, stop_told_, worker_stops);
  }
  DescribeExit(ended, &end.outcome);
  return end;
}

void Rank::Keep(std::function<void()> then) {
  calls_.Once(
      call_owner_, KeepEnd{owner_, assignment_, *end_},
      [this, then = std::move(then)](const Done& done) {
        if (done.status.Is(ErrorReason::kFsyncFailed)) {
          // What the disk lost must not be taken for a result, although it can still be read.
          end_ = KeptEnd{TransferFailed(done.status), {}, end_->started};
        } else if (!done.status.ok()) {
          turn_.Say(
              LogLevel::kWarning, assignment_,
              "its end is not on this worker's disk, and is lost if the worker ends before the "
              "coordinator has it: " +
                  done.status.message());
        }
        then();
      });
}

void Rank::Conclude() {
  if (phase_ != Phase::kSending) return;
  if (!end_.has_value()) return RemoveFolder();
  if (!end_->outcome.success) return Send(end_->outcome);
  phase_ = Phase::kStoring;
  trace_.Next("upload");
  to_store_ = end_->outputs;
  StoreNextOutput(end_->outcome);
}

// The result of the work exists already, so a full disk is waited for without limit rather than
// computing it again.
void Rank::StoreNextOutput(Outcome end) {
  if (to_store_.empty()) return Send(std::move(end));
  const auto output = to_store_.extract(to_store_.begin());
  const std::string& role = output.key();
  const ResultMessage::Output& what = output.mapped();
  calls_.RetryUntilSettled(
      call_owner_, IngestFolder{assignment_.key, what.folder, true, what.kind, what.metadata},
      [this, role, end](const Done& done) { OnOutputIngested(role, done, end); });
}

void Rank::OnOutputIngested(const std::string& role, const Done& done, Outcome end) {
  if (!done.status.ok()) return Report(TransferFailed(done.status));
  storage::Manifest manifest = std::get<storage::Manifest>(done.answer);
  DescribeOrigin(assignment_, role, &manifest);
  end.outputs.emplace_back(role, manifest.Canonical());
  cached_.UseBlobs(call_owner_, DigestsOf(manifest));
  if (task::Stays(assignment_.binding, role)) {
    end.bound.insert(role);
    return cached_.KeepBound(call_owner_, manifest, [this, end](const Status& status) {
      if (!status.ok()) return Report(TransferFailed(status));
      StoreNextOutput(end);
    });
  }
  moves_.UploadMissing(call_owner_, {assignment_.key, role}, DigestsOf(manifest),
                       [this, end, manifest](const Status& status) {
                         if (!status.ok()) return Report(TransferFailed(status));
                         cached_.Keep(manifest);
                         StoreNextOutput(end);
                       });
}

void Rank::Report(Outcome end) {
  phase_ = Phase::kReporting;
  if (end_.has_value()) return Send(std::move(end));
  end_ = KeptEnd{std::move(end), {}, false};
  Keep([this] { Send(end_->outcome); });
}

void Rank::Send(Outcome end) {
  phase_ = Phase::kReporting;
  trace_.Next("commit");
  const bool stored = !end.outputs.empty();
  calls_.RetryUntilSettled(call_owner_, ReportEnded{assignment_.key, std::move(end)},
                           [this, stored](const Done& done) {
                             if (stored && IsBlobLost(done.status) && ++lost_ <= kMostLost)
                               return StoreAgain();
                             OnReported(done.status);
                           });
}

void Rank::StoreAgain() {
  turn_.Say(LogLevel::kWarning, assignment_,
            "the coordinator lacks a file of the outputs again: they are sent once more");
  phase_ = Phase::kStoring;
  to_store_ = end_->outputs;
  calls_.Later(call_owner_, PauseAfterLossMs(lost_), [this] { StoreNextOutput(end_->outcome); });
}

// If the coordinator refuses the report (an output with an invalid name, for example), the end is
// reported again as a failure. Without any end, the job would wait for ever.
void Rank::OnReported(const Status& status) {
  if (status.ok() || status.Is(ErrorReason::kStaleLease)) return RemoveFolder();
  if (status.code() == StatusCode::kPermissionDenied) return KeepForItsOwner(status);
  const Status refused = status.Wrap("the coordinator refused the end of this attempt");
  turn_.Say(LogLevel::kError, assignment_, refused.message());
  calls_.RetryUntilSettled(call_owner_, ReportEnded{assignment_.key, Failed("system", refused)},
                           [this](const Done&) { RemoveFolder(); });
}

// Another identity than that which the rank was leased to may not report it. What it has made stays
// on the disk, for a process that has that identity again.
void Rank::KeepForItsOwner(const Status& refused) {
  trace_.EndPart(refused);
  trace_.End(&end_->outcome);
  turn_.Say(LogLevel::kError, assignment_,
            "the end of this attempt stays in the worker's folder, and is sent again by the next "
            "start: " +
                refused.message());
  CancelWork();
  phase_ = Phase::kFinished;
}

void Rank::RemoveFolder() {
  trace_.End(end_.has_value() ? &end_->outcome : nullptr);
  CancelWork();
  phase_ = Phase::kRemoving;
  calls_.Once(call_owner_, RemoveRankFolder{assignment_.key},
              [this](const Done&) { phase_ = Phase::kFinished; });
}

}  // namespace braid::worker
