// What one rank has to tell the coordinator while its program runs: its start, its log, its
// metrics, its checkpoints. Each message is repeated until it is acknowledged or refused. Messages
// that are not sent yet live in the rank's folder and in this object, and are lost with the
// worker's process. (The attempt is lost with it, too.)
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/blob_moves.h"
#include "worker/agent/calls.h"
#include "worker/agent/growing_file.h"
#include "worker/agent/program_message.h"

namespace braid::worker {

class Outbox {
 public:
  struct Listener {
    // The coordinator refused a message as STALE_LEASE: this worker does not hold the attempt any
    // more.
    std::function<void()> on_stale;

    // The coordinator has committed the checkpoint of this step.
    std::function<void(int64_t step)> on_stored;
  };

  // All references outlive this; `assignment` names the rank and the origin that manifests of
  // checkpoints state.
  Outbox(Turn& turn, Calls& calls, BlobMoves& moves, const Assignment& assignment,
         Listener listener);

  // To be called when the program runs: reports the start, and begins to send log and metrics.
  void Start();

  // Takes one line of metrics, without a newline. Lines that a full disk refuses stay in memory
  // until it has room.
  void Add(std::string metric);

  // Takes a checkpoint. While one is being stored, only the newest of those that wait is kept,
  // because each would only be replaced by the next.
  void Add(const CheckpointMessage& checkpoint);

  // To be called when the program has ended. Calls `then` when everything is sent or refused.
  void Close(std::function<void()> then);

 private:
  struct Checkpoint {
    CheckpointMessage message;
    // Bytes of metrics that the program wrote before the checkpoint.
    int64_t metrics_before = 0;
    storage::Manifest manifest;
  };
  void KeepMetrics();
  void OnKept(const Status& status);
  void AnswerKept();

  // Calls `then` when the first `bytes` of the metrics are in the file, or with the reason why they
  // cannot be.
  void WhenKept(int64_t bytes, std::function<void(const Status&)> then);
  void StoreNext();
  void OnIngested(const Done& done);
  void FlushMetrics();
  void Commit();
  void OnCommitted(const Status& status);
  void CloseFilesIfIdle();
  void OnFileClosed();

  Turn& turn_;
  Calls& calls_;
  BlobMoves& moves_;
  const Assignment& assignment_;
  const CallOwner owner_;
  const Listener listener_;

  // The report of the start is not acknowledged yet.
  bool starting_ = false;
  GrowingFileSender log_, metrics_;
  // Metrics take three steps, in order: lines that are not in the file yet, lines that are being
  // appended to it, and the bytes in it (`kept_`). `heard_` counts the bytes of all.
  std::string unkept_;
  std::string being_kept_;
  int64_t heard_ = 0;
  int64_t kept_ = 0;
  // Why the newest lines could not be appended; they are tried again with the next line.
  std::optional<Status> keep_failed_;
  std::vector<std::pair<int64_t, std::function<void(const Status&)>>> when_kept_;
  // The checkpoint on its way to the coordinator, and the newest one that waits.
  std::optional<Checkpoint> storing_, waiting_;
  bool closing_ = false, files_closing_ = false;
  int open_files_ = 2;
  std::function<void()> on_closed_;
};

// Completes the manifest of an artifact that a rank made: its parents are the rank's inputs, its
// recipe is the run's.
void DescribeOrigin(const Assignment& assignment, storage::Manifest* manifest);

}  // namespace braid::worker
