// The life of one rank: fetch its inputs, start its program, pass on to the coordinator what the
// program says, store its outputs, report its end, and remove its folder.
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

// One rank. Its callbacks may drop it (a STALE_LEASE does); the object lives until Ranks removes it
// after the event.
class Rank {
 public:
  // The parts of the agent that a rank uses. All of them outlive the rank.
  struct Services {
    Turn& turn;
    Calls& calls;
    BlobMoves& moves;
    Fetches& fetches;
    CachedArtifacts& cached;
  };
  Rank(const Services& services, const Assignment& assignment);

  // Starts the rank: its slots are free, and its program may see these GPUs (UUIDs).
  void Begin(std::vector<std::string> gpus);

  // Asks the program for a checkpoint and its end, kills it after `deadline_ms` milliseconds, and
  // reports the end. A rank without a program reports at once. Repeated calls are ignored.
  void Stop(int64_t deadline_ms);

  // Kills the program and reports nothing, because the attempt is no longer this worker's.
  void Drop();

  // Events of its program.
  void OnStarted(const Status& status);
  void OnSaid(const ProgramMessage& message);
  void OnEnded(const ProgramEnded& ended);

  // To be called after each event: lets a dropped rank remove its folder once its program and its
  // work have ended.
  void Settle();

  const Assignment& assignment() const { return assignment_; }
  const std::vector<std::string>& gpus() const { return gpus_; }
  const Progress& progress() const { return progress_; }
  bool begun() const { return phase_ != Phase::kWaiting; }
  bool stopping() const { return stop_asked_; }
  // Whether its program may still exist, or is being started.
  bool has_program() const { return has_program_; }

  // Whether nothing is left to do: the end was reported or the rank dropped, and the folder is
  // removed.
  bool finished() const { return phase_ == Phase::kFinished; }

 private:
  // The phases in their order. A failure skips to kReporting, a drop to kLeaving; a rank that is
  // dropped while it waits for slots has nothing to remove and goes to kFinished.
  enum class Phase {
    // Until slots are free.
    kWaiting,
    // Fetches inputs, and the checkpoint to resume from.
    kFetching,
    // The folder is laid out, and the program started.
    kStarting,
    kRunning,
    // The program has ended; not all that it said has been sent.
    kSending,
    // Stores outputs.
    kStoring,
    // Reports the end.
    kReporting,
    // Waits for work that is on its way.
    kLeaving,
    // Removes the folder.
    kRemoving,
    kFinished,
  };

  void FetchNext();
  // An input could not be fetched: finds out whose fault it is, and reports.
  void OnFetchFailed(const std::string& artifact, const Status& status);
  void StartProgram();
  void TellStop();
  void OnMessage(const Progress& message) { progress_ = message; }
  void OnMessage(const MetricMessage& message) { outbox_.Add(message.line); }
  void OnMessage(const CheckpointMessage& message) { outbox_.Add(message); }
  void OnMessage(const ResultMessage& message) { result_ = message; }
  void OnMessage(const ErrorMessage& message) { error_ = message; }
  void OnMessage(const RendezvousMessage& message) { rendezvous_.Ask(message); }
  // All that the program said has been sent: stores its outputs, or reports its failure.
  void Conclude();
  void StoreNextOutput(Outcome end);
  void OnOutputIngested(const std::string& role, const Done& done, Outcome end);
  void Report(Outcome end);
  // The coordinator has acknowledged or refused the end.
  void OnReported(const Status& status);
  // Cancels all work of the rank, and leaves the fetches and transfers that it shares with others.
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
  // Ids of artifacts; the next one is the last element.
  std::vector<std::string> to_fetch_;
  bool has_program_ = false;
  // The stop was requested, the program was told, and when it will be killed (monotonic).
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
