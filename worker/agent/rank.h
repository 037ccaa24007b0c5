// The life of one rank: fetch its inputs, start its program, pass on to the coordinator what the
// program says, store its outputs, report its end, and remove its folder.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/agent/blob_moves.h"
#include "worker/agent/calls.h"
#include "worker/agent/event.h"
#include "worker/agent/fetch.h"
#include "worker/agent/outbox.h"
#include "worker/agent/rank_trace.h"
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
    Cache& cached;
  };
  // A rank that the coordinator has assigned; it waits until Begin.
  Rank(const Services& services, const Owner& owner, const Assignment& assignment);
  // A rank of an earlier process of this worker; it has no program any more.
  Rank(const Services& services, const KeptRank& kept);
  ~Rank();
  Rank(const Rank&) = delete;
  Rank& operator=(const Rank&) = delete;

  // Delivers what was kept: the start, the newest checkpoint, log and metrics, and the end. Of a
  // rank that did not end there is no end to report; the coordinator ends its attempt when the rank
  // is not among those that are delivered any more. REQUIRES: the rank was made of a KeptRank.
  void Recover();

  // Starts the rank: its slots are free, and its program may see these GPUs (UUIDs).
  void Begin(std::vector<std::string> gpus);

  // Asks the program for a checkpoint and its end, kills it after `deadline_ms` milliseconds, and
  // reports the end. A rank without a program reports at once. A repeated call can only shorten the
  // time, as when a run is cancelled whose trainings write their checkpoints.
  void Stop(int64_t deadline_ms);

  // Kills the program and reports nothing, because the attempt has ended or is no longer this
  // worker's. The end of its log is sent still, for a while: the ranks of a gang that has succeeded
  // are dropped, and their users read all of their logs.
  void Drop();

  // Kills the program and sends nothing more, because this process of the worker ends. If the next
  // one will find something to deliver, the rank's folder stays. A rank that was dropped before
  // only ends sooner.
  void Abandon();

  // Events of its program.
  void OnStarted(const Status& status);
  // The program wrote an event line.
  void OnSaid(const ProgramMessage& message);
  // `worker_stops`: the worker has been asked to end.
  void OnEnded(const ProgramEnded& ended, bool worker_stops);

  // To be called after each event: a dropped or abandoned rank removes its folder, if that is not
  // to stay, once its program and its work have ended.
  void Settle();

  // For whom the rank runs: coordinator and worker id.
  const Owner& owner() const { return owner_; }
  const Assignment& assignment() const { return assignment_; }
  const std::vector<std::string>& gpus() const { return gpus_; }
  const Progress& progress() const { return progress_; }
  // Whether Begin was called; and whether Stop was.
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
    // The program has ended, its end is being kept, and what it said is being sent.
    kSending,
    // Stores outputs.
    kStoring,
    // Reports the end.
    kReporting,
    // Waits for work that is on its way.
    kLeaving,
    // Sends the end of the log of a rank that was dropped.
    kSendingLog,
    // Removes the folder.
    kRemoving,
    kFinished,
  };

  // Fetches the next artifact of `to_fetch_`; after the last one the program starts.
  void FetchNext();
  // An input could not be fetched: finds out whose fault it is, and reports.
  void OnFetchFailed(const std::string& artifact, const Status& status);
  // The inputs are there: lays the folder out and starts the program.
  void StartProgram();
  // Sends the program the request to stop, with its deadline.
  void TellStop();
  void KillWhenDue();
  // What the program says, by kind: progress is only the newest, results and errors count when it
  // has ended, the rest is passed on at once.
  void OnMessage(const Progress& message) { progress_ = message; }
  void OnMessage(const MetricMessage& message) { outbox_.Add(message.line); }
  void OnMessage(const CheckpointMessage& message) { outbox_.Add(message); }
  void OnMessage(const ResultMessage& message) { result_ = message; }
  void OnMessage(const ErrorMessage& message) { error_ = message; }
  void OnMessage(const RendezvousMessage& message) { rendezvous_.Ask(message); }
  void OnMessage(const SpanMessage& message) { trace_.Add(message); }
  // How the rank ended, from what its program said and how its process ended.
  KeptEnd EndOf(const ProgramEnded& ended, bool worker_stops) const;
  // Writes `end_` to the disk, and then calls `then`, also if that failed.
  void Keep(std::function<void()> then);
  // All that the program said has been sent: stores its outputs, or reports its failure.
  void Conclude();
  // Stores the outputs of `to_store_` one after another; then sends the end, which names them.
  void StoreNextOutput(Outcome end);
  void OnOutputIngested(const std::string& role, const Done& done, Outcome end);
  // Keeps and reports an end that its program has no part in, or that came after its own.
  void Report(Outcome end);
  // Reports the end until it is acknowledged or refused.
  void Send(Outcome end);
  // The coordinator lacks a file of the outputs: they are stored again, and the end reported again.
  void StoreAgain();
  // The coordinator has acknowledged or refused the end.
  void OnReported(const Status& status);
  // The coordinator does not take the report from this worker's credential: everything stays on the
  // disk for a later process that it takes it from.
  void KeepForItsOwner(const Status& refused);
  // Kills the program and cancels the work; Settle does the rest.
  void Leave();
  // Sends the end of the log for no longer than kRestOfLogMs, and then removes the folder.
  void SendRestOfLog();
  // Cancels all work of the rank, and leaves the fetches and transfers that it shares with others.
  void CancelWork();
  // The last step of a rank whose end is settled.
  void RemoveFolder();

  Turn& turn_;
  Calls& calls_;
  BlobMoves& moves_;
  Fetches& fetches_;
  Cache& cached_;
  // For whom its results are: which coordinator, under which worker id.
  const Owner owner_;
  const Assignment assignment_;
  // The name under which Calls, Fetches, BlobMoves and Cache know it.
  const CallOwner call_owner_;
  // What an earlier process kept; the end is in `end_`.
  const std::optional<KeptCheckpoint> recovered_checkpoint_;
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
  RankTrace trace_;
  RendezvousRelay rendezvous_;
  std::optional<ResultMessage> result_;
  std::optional<ErrorMessage> error_;
  // Set once the rank has ended: what is kept on the disk until it is reported.
  std::optional<KeptEnd> end_;
  // Outputs that are to be stored still, by role.
  std::map<std::string, ResultMessage::Output> to_store_;
  // How often the coordinator lacked a file of the outputs when it was told of the end.
  int lost_ = 0;
  // It was dropped while its log could have an end that is not sent.
  bool owes_log_ = false;
  // Leave the folder to the next process of the worker.
  bool leave_folder_ = false;
};

}  // namespace braid::worker
