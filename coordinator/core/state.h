// All the core knows: the image of the catalog, indices over it, and what is known only while the
// process lives (who is connected, how far an attempt is, why a job waits).
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "coordinator/core/options.h"
#include "coordinator/core/session_sink.h"
#include "scheduler/lease.h"
#include "scheduler/snapshot.h"
#include "storage/catalog/undo.h"
#include "storage/catalog/update.h"

namespace braid::coordinator {

using catalog::AttemptKey;
using catalog::AttemptRecord;
using catalog::AttemptState;
using catalog::JobKey;
using catalog::JobRecord;
using catalog::JobState;
using catalog::RunRecord;
using catalog::RunState;
using catalog::StringMap;
using task::RankKey;

// What is known of the disk of a worker's folder. Nothing is placed on a worker while its disk is
// full: until `full_until_ms`, or until there is clearly more room than there was.
struct WorkerDisk {
  int64_t free_bytes = -1;         // as it says; -1: it does not
  int64_t full_until_ms = 0;       // monotonic; 0: not full as far as anybody knows
  int64_t full_until_wall_ms = 0;  // the same, for people
  int64_t free_then_bytes = -1;    // when it was full
  int64_t times_full = 0;          // in a row
};

// A worker while the coordinator lives.
struct LiveWorker {
  catalog::WorkerRecord hello;  // as it said; written by the next pass that can write
  WorkerDisk disk;
  std::vector<catalog::Update> unwritten;  // events that wait for the next pass
  std::shared_ptr<SessionSink> session;    // null: no stream
  int64_t session_id = 0;
  bool contacted = false;
  int64_t last_contact_ms = 0;  // monotonic
  int64_t seen_saved_ms = 0;    // wall clock, when last_seen was written
  bool draining = false;        // it says so itself
  std::set<std::string> cached;
  std::set<RankKey> ranks;  // its inventory
  int64_t applied_version = 0;
  scheduler::Link link = scheduler::Link::kOffline;
  std::vector<catalog::GpuRecord> announced_gpus;
  std::vector<RefusedGpu> refused_gpus;    // of those
  std::shared_ptr<const Desired> desired;  // as pushed in this session
};

// An attempt that has not ended, while the coordinator lives.
struct LiveAttempt {
  std::set<int64_t> ended_ranks;                // whose end was reported
  std::map<int64_t, int64_t> assigned_version;  // rank -> first DesiredState of its worker's
                                                // session that holds it
  std::map<int64_t, int64_t> stop_version;      // the same, of those that say stop
  bool blamed_peer = false;  // the failure kept so far is "another rank was lost"
  task::Progress progress;
  std::shared_ptr<const RunSummary> run_summary;  // for a report or an export, as it was first told
};

struct PendingView {
  scheduler::Reason reason = scheduler::Reason::kNone;
  std::string detail;
  int64_t since_ms = 0;
};

class State {
 public:
  const catalog::Image& image() const { return image_; }
  // Replaces the image and rebuilds the indices.
  void Reset(catalog::Image image);
  // REQUIRES: catalog::Check(update, image()).ok()
  void Apply(const catalog::Update& update);
  // Takes back the newest update that was applied and not taken back. `undo` was made before it
  // was.
  void TakeBack(const catalog::Update& update, const catalog::Undo& undo);

  const RunRecord* FindRun(const std::string& id) const;
  const JobRecord* FindJob(const JobKey& key) const;
  const AttemptRecord* FindAttempt(const AttemptKey& key) const;
  const catalog::ArtifactRecord* FindArtifact(const std::string& id) const;
  // In topological order.
  std::vector<const JobRecord*> JobsOf(const std::string& run) const;
  // Oldest first.
  std::vector<const AttemptRecord*> AttemptsOf(const JobKey& job) const;
  const std::set<JobKey>& queued() const { return queued_; }
  // Attempts that have not ended; at most one a job.
  const std::set<AttemptKey>& live() const { return live_; }

  // By id, by an unambiguous prefix of it, or (newest first) by name.
  Result<const RunRecord*> ResolveRun(const std::string& text) const;
  // By id or an unambiguous prefix of 8 or more digits.
  Result<const catalog::ArtifactRecord*> ResolveArtifact(const std::string& text) const;

  // As it said hello, or as it is registered.
  std::string BootOf(const std::string& worker) const;
  bool HoldsLeases(const std::string& worker) const;
  // A rank of a live attempt that cannot run any more, as far as anybody knows.
  bool RankIsGone(const AttemptRecord& attempt, int64_t rank) const;
  bool AllRanksGone(const AttemptRecord& attempt) const;
  // Its worker is there, was told to run this rank, and does not have it.
  bool RankIsMissing(const AttemptRecord& attempt, int64_t rank) const;

  // Not durable. Decisions change workers and attempts through their transaction, which can take
  // that back.
  std::map<std::string, LiveWorker> workers;
  std::map<AttemptKey, LiveAttempt> attempts;
  std::map<JobKey, PendingView> pending;
  int64_t started_ms = 0;  // monotonic
  int64_t started_wall_ms = 0;
  int64_t last_tick_ms = 0;  // monotonic
  int64_t version = 0;       // newest DesiredState

 private:
  // The place of a job and of its attempt in the indices, as their rows say.
  void Index(const JobKey& job);
  void Index(const AttemptKey& attempt);

  catalog::Image image_;
  std::set<JobKey> queued_;
  std::set<AttemptKey> live_;
};

}  // namespace braid::coordinator
