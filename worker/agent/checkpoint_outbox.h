// The checkpoints of one rank on their way to the coordinator. Each is taken over from the program
// at once, onto this worker's own disk, so that the program may remove it and a later process of
// the worker can deliver it. Of those that are not delivered, only two are kept: the one that is on
// its way and the newest.
//
//   heard -> being kept -> waiting -> being stored (ingested, asked about, sent, committed)
//
// A newer checkpoint replaces one that is heard or waiting. It also replaces one that the
// coordinator has not been able to answer for, so that after an absence the newest goes first; one
// whose bytes are on their way is finished, because otherwise a slow link would never finish any.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "worker/agent/blob_moves.h"
#include "worker/agent/cache.h"
#include "worker/agent/calls.h"
#include "worker/agent/kept_rank.h"
#include "worker/agent/metrics_outbox.h"

namespace braid::worker {

// The checkpoints of one rank. A part of the agent.
class CheckpointOutbox {
 public:
  // Callbacks to the owner.
  struct Listener {
    // The coordinator refused a checkpoint as STALE_LEASE.
    std::function<void()> on_stale;
    // The program may remove its checkpoint of this step, and all older ones.
    std::function<void(int64_t step)> on_safe;
    // A checkpoint needs no more work: it was committed, refused or replaced.
    std::function<void()> on_settled;
  };

  // All references outlive this.
  CheckpointOutbox(Turn& turn, Calls& calls, BlobMoves& moves, Cache& cached,
                   MetricsOutbox& metrics, const Assignment& assignment, Listener listener);

  // Takes a checkpoint of the program.
  void Add(const CheckpointMessage& checkpoint);

  // Takes the checkpoint that an earlier process of this worker kept. If the coordinator refuses it
  // as STALE_LEASE, that is no news about the rank: the checkpoint may be older than one that was
  // delivered.
  void Recover(const KeptCheckpoint& checkpoint);

  // Whether nothing is on its way.
  bool idle() const { return !heard_ && !keeping_ && !waiting_ && !storing_; }
  // Whether a later process of the worker would find a checkpoint to deliver.
  bool keeps_any() const {
    return keeping_ || (waiting_ && waiting_->kept) || (storing_ && storing_->kept);
  }

  // Cancels everything.
  void Leave();
  // Whether work of a checkpoint is on its way, cancelled or not.
  bool InFlight() const { return calls_.InFlight(transfer_); }

 private:
  struct Checkpoint : KeptCheckpoint {
    // Whether it is on this worker's disk. If it is not, it is stored from the program's folder.
    bool kept = false;
    storage::Manifest manifest;
    // How often the coordinator had lost a blob of it when it was to be committed.
    int lost = 0;
  };
  // Takes the heard checkpoint over onto this worker's disk, if no other is just being taken over.
  void KeepNext();
  // It is on the disk, in `folder`, or it could not be kept and is stored from the program's
  // folder. It waits now, and the one that waited is dropped.
  void OnKept(const Status& status, const std::string& folder);
  // Gives up the checkpoint that is being stored if the coordinator does not answer and a newer one
  // waits.
  void Supersede();
  // Begins with the checkpoint that waits, if none is being stored: its files go into the cache.
  void StoreNext();
  // Puts the files of the checkpoint that is being stored into the cache.
  void Store();
  // The files are in the cache: the coordinator is asked which of them it lacks.
  void OnIngested(const Done& done);
  // Sends those.
  void Send(const std::vector<std::string>& missing);
  // All files are where they are to stay: the metrics before the checkpoint follow, then the
  // commit.
  void CommitAfterMetrics();
  void Commit();
  // Whether checkpoints of this rank are bound to the site, and stay in the cache.
  bool bound() const;
  // Whether a call of the checkpoint that is being stored failed for a missing blob, which helps to
  // send once more. Counts how often.
  bool AsksAgain(const Status& status);
  // The coordinator lacks a file of it: its files are stored again.
  void StoreAgain();
  // The coordinator has the checkpoint, or refuses it for good. The next one begins.
  void OnCommitted(const Status& status);
  // Removes the worker's copy.
  void Drop(const Checkpoint& checkpoint);
  // Lets the cache forget the files, which nobody here needs any more.
  void Release(const Checkpoint& checkpoint);

  Turn& turn_;
  Calls& calls_;
  BlobMoves& moves_;
  Cache& cached_;
  MetricsOutbox& metrics_;
  const Assignment& assignment_;
  // The owner of what is done on this machine, and of what is done to store a checkpoint.
  const CallOwner owner_, transfer_;
  const Listener listener_;
  // Of the newest checkpoint of the program; the number names its copy on the disk.
  int64_t last_number_ = 0;
  // The checkpoint that is being stored was kept by an earlier process (Recover).
  bool recovered_ = false;
  // The four places of the drawing above; each holds one checkpoint at most.
  std::optional<Checkpoint> heard_, keeping_, waiting_, storing_;
  // Since when the coordinator is asked which files it lacks; kNever before and after that.
  int64_t asking_since_ms_ = kNever;
  // Since when the checkpoint in `storing_` is being stored.
  int64_t storing_since_ms_ = 0;
};

// Completes the manifest of an artifact that a rank made, the output of this role: its parents are
// the rank's inputs, its recipe is the run's. One that stays at its site says so in its metadata,
// so that equal content that may leave is another artifact.
void DescribeOrigin(const Assignment& assignment, const std::string& output,
                    storage::Manifest* manifest);

// The digests of the manifest's files.
std::vector<std::string> DigestsOf(const storage::Manifest& manifest);

}  // namespace braid::worker
