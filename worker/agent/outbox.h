// What one rank has to tell the coordinator while its program runs: that it started, its log, its
// metrics, its checkpoints. Each is sent again until it is acknowledged or refused. What is not yet
// sent lives in the rank's folder and in this object, and so as long as the worker: this is where
// an outbox that outlives the worker would keep its records.
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
    // The coordinator refused something as STALE_LEASE: the attempt is no longer ours.
    std::function<void()> on_stale;
    // The checkpoint of this step is safe with the coordinator.
    std::function<void(int64_t step)> on_stored;
  };
  // `parents` and `recipe` go into the manifests of checkpoints.
  Outbox(Turn& turn, Calls& calls, BlobMoves& moves, const Assignment& assignment,
         Listener listener);

  // The program runs.
  void Start();
  // One line of metrics, without its end. Lines that a full disk refuses are kept in memory.
  void Add(std::string metric);
  // Of several checkpoints that wait the newest alone is sent: the others would only be replaced.
  void Add(const CheckpointMessage& checkpoint);
  // The program has ended. `then` is called when everything is sent or refused.
  void Close(std::function<void()> then);

 private:
  struct Checkpoint {
    CheckpointMessage message;
    int64_t metrics_before = 0;  // bytes of metrics that were heard before it
    storage::Manifest manifest;
  };
  void KeepMetrics();
  void OnKept(const Status& status);
  void AnswerKept();
  // When the metrics up to this byte are in the file, or cannot be.
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

  bool starting_ = false;  // the start is not acknowledged yet
  GrowingFileSender log_, metrics_;
  std::string unkept_;                 // lines that are not in the file
  std::string being_kept_;             // lines on their way into the file
  int64_t heard_ = 0;                  // bytes of all lines
  int64_t kept_ = 0;                   // bytes in the file
  std::optional<Status> keep_failed_;  // why `unkept_` waits for the next line
  std::vector<std::pair<int64_t, std::function<void(const Status&)>>> when_kept_;
  std::optional<Checkpoint> storing_, waiting_;
  bool closing_ = false, files_closing_ = false;
  int open_files_ = 2;
  std::function<void()> on_closed_;
};

// The manifest of what a rank made: from its inputs, under its recipe.
void DescribeOrigin(const Assignment& assignment, storage::Manifest* manifest);

}  // namespace braid::worker
