// The messages of one rank to the coordinator while its program runs: its start, its log, its
// metrics, its checkpoints. Each message is repeated until it is acknowledged or refused. Log,
// metrics and the newest checkpoint are on this worker's disk, so that a later process of the
// worker can deliver them (worker/agent/kept_rank.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "worker/agent/blob_moves.h"
#include "worker/agent/calls.h"
#include "worker/agent/checkpoint_outbox.h"
#include "worker/agent/growing_file.h"
#include "worker/agent/metrics_outbox.h"
#include "worker/agent/program_message.h"

namespace braid::worker {

// The messages of one rank. A part of the agent.
class Outbox {
 public:
  // Callbacks to the rank.
  struct Listener {
    // The coordinator refused a message as STALE_LEASE: this worker does not hold the attempt any
    // more.
    std::function<void()> on_stale;

    // The program may remove its checkpoint of this step, and all older ones: the worker has taken
    // it over, or the coordinator has committed it.
    std::function<void(int64_t step)> on_safe;
  };

  // All references outlive this; `assignment` names the rank and the origin that manifests of
  // checkpoints state.
  Outbox(Turn& turn, Calls& calls, BlobMoves& moves, Cache& cached, const Assignment& assignment,
         Listener listener);

  // To be called when the program runs: reports the start, and begins to send log and metrics.
  void Start();
  // Instead, for a rank whose program died with an earlier process of this worker: sends what that
  // process did not deliver. Close is to be called next.
  void Recover(const std::optional<KeptCheckpoint>& checkpoint);

  // Takes what the program said: a line of metrics, or a checkpoint.
  void Add(const std::string& metric) { metrics_.Add(metric); }
  void Add(const CheckpointMessage& checkpoint) { checkpoints_.Add(checkpoint); }

  // Calls `then` when all metrics so far are in their file, or cannot be.
  void WhenMetricsAreKept(std::function<void()> then);

  // To be called when the program has ended. Calls `then` when everything is sent or refused.
  void Close(std::function<void()> then);

  // Of a rank that is dropped, after all its calls were cancelled: calls `then` when what its
  // program wrote last to its log is sent or refused.
  void SendRestOfLog(std::function<void()> then);

  // Whether a later process of the worker would find a checkpoint to deliver.
  bool keeps_checkpoint() const { return checkpoints_.keeps_any(); }
  // Leave cancels the work that runs under other owners than the rank's (the transfer of a
  // checkpoint); InFlight says whether some of it is still under way.
  void Leave() { checkpoints_.Leave(); }
  bool InFlight() const { return checkpoints_.InFlight(); }

 private:
  // Reports the start of the program until the coordinator acknowledges it.
  void ReportStart();
  // Closes log and metrics once nothing can add to them: checkpoints are delivered, and metrics
  // kept.
  void CloseFilesIfIdle();
  // One of the two files is sent whole, or refused.
  void OnFileClosed();

  Calls& calls_;
  const Assignment& assignment_;
  const CallOwner owner_;
  const Listener listener_;
  // The report of the start is not acknowledged yet.
  bool starting_ = false;
  GrowingFileSender log_;
  MetricsOutbox metrics_;
  CheckpointOutbox checkpoints_;
  // Close was called; the files are being closed, of which so many are open.
  bool closing_ = false, files_closing_ = false;
  int open_files_ = 2;
  std::function<void()> on_closed_;
};

}  // namespace braid::worker
