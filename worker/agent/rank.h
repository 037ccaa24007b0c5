// The life of one rank: fetch its inputs, start its program, carry what that says to the
// coordinator, store its outputs, report its end, and leave nothing behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/agent/blob_moves.h"
#include "worker/agent/calls.h"
#include "worker/agent/event.h"
#include "worker/agent/fetch.h"
#include "worker/agent/outbox.h"
#include "worker/agent/rendezvous.h"
#include "worker/agent/turn.h"

namespace braid::worker {

class Rank {
 public:
  // All of them outlive it.
  struct Services {
    Turn& turn;
    Calls& calls;
    BlobMoves& moves;
    Fetches& fetches;
    CachedArtifacts& cached;
  };
  Rank(const Services& services, const Assignment& assignment);

  // It has its slots, and may see these GPUs.
  void Begin(std::vector<std::string> gpus);
  // Checkpoint and end within `deadline_ms` from now, then report the end.
  void Stop(int64_t deadline_ms);
  // Kill what runs and report nothing.
  void Drop();
  // These are of its program.
  void OnStarted(const Status& status);
  void OnSaid(const ProgramMessage& message);
  void OnEnded(const ProgramEnded& ended);
  // Something of its work has ended. A rank that was dropped waits for the last of it.
  void Settle();

  const Assignment& assignment() const { return assignment_; }
  const std::vector<std::string>& gpus() const { return gpus_; }
  const Progress& progress() const { return progress_; }
  bool begun() const { return phase_ != Phase::kWaiting; }
  bool stopping() const { return stop_asked_; }
  // Its program may be there.
  bool has_program() const { return has_program_; }
  // Nothing is left to do: its end was reported, or it was dropped.
  bool finished() const { return phase_ == Phase::kFinished; }

 private:
  // In their order; a failure goes on with kReporting, a drop with kLeaving.
  enum class Phase {
    kWaiting,   // for slots
    kFetching,  // inputs and the checkpoint to resume from
    kStarting,  // its folder is laid out and its program started
    kRunning,
    kSending,    // the program has ended; what it said is not all sent
    kStoring,    // outputs
    kReporting,  // the end
    kLeaving,    // what is on its way is waited for
    kRemoving,   // its folder
    kFinished,
  };

  void FetchNext();
  void OnFetchFailed(const std::string& artifact, const Status& status);
  void StartProgram();
  void TellStop();
  void OnMessage(const Progress& message) { progress_ = message; }
  void OnMessage(const MetricMessage& message) { outbox_.Add(message.line); }
  void OnMessage(const CheckpointMessage& message) { outbox_.Add(message); }
  void OnMessage(const ResultMessage& message) { result_ = message; }
  void OnMessage(const ErrorMessage& message) { error_ = message; }
  void OnMessage(const RendezvousMessage& message) { rendezvous_.Ask(message); }
  void Conclude();
  void StoreNextOutput(Outcome end);
  void OnOutputIngested(const std::string& role, const Done& done, Outcome end);
  void Report(Outcome end);
  void OnReported(const Status& status);
  void Leave();
  void RemoveFolder();

  Turn& turn_;
  Calls& calls_;
  BlobMoves& moves_;
  Fetches& fetches_;
  CachedArtifacts& cached_;
  const Assignment assignment_;
  const CallOwner owner_;
  std::vector<std::string> gpus_;
  Phase phase_ = Phase::kWaiting;
  Progress progress_;
  std::vector<std::string> to_fetch_;  // artifacts, the next one last
  bool has_program_ = false;
  bool stop_asked_ = false;
  bool stop_told_ = false;
  int64_t stop_by_ms_ = 0;
  Outbox outbox_;
  RendezvousRelay rendezvous_;
  std::optional<ResultMessage> result_;
  std::optional<ErrorMessage> error_;
  ProgramEnded ended_;
};

}  // namespace braid::worker
