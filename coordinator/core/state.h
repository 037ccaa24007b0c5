// All that the core knows: the image of the catalog (the durable part), indices over it, and what
// is known only while the process lives, such as the connections of workers, the progress of
// attempts, and the reasons for which jobs wait. It also notes what has changed since the loop last
// looked.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "coordinator/core/changes.h"
#include "coordinator/core/indices.h"
#include "coordinator/core/neighbours.h"
#include "coordinator/core/options.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/residents.h"
#include "coordinator/core/session_sink.h"
#include "coordinator/core/workers_by_site.h"
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

// What is known about the disk of a worker's folder (coordinator/core/disks.h). No job is placed on
// the worker until `full_until_ms`, or until there is clearly more room than when its disk was
// full.
struct WorkerDisk {
  // From the worker's newest heartbeat; -1 if it did not report it.
  int64_t free_bytes = -1;
  // Monotonic; 0 if the disk is not known to be full. The next field is the same moment by the wall
  // clock, for messages.
  int64_t full_until_ms = 0;
  int64_t full_until_wall_ms = 0;
  // Free space when an attempt last failed for want of it; -1 if unknown.
  int64_t free_then_bytes = -1;
  // Such failures in a row.
  int64_t times_full = 0;
};

// What is known about a worker only while this process lives.
struct LiveWorker {
  // As the worker said hello to this process, less the GPUs it was refused; its id is empty if it
  // has not. The next pass that can write stores it.
  catalog::WorkerRecord hello;
  WorkerDisk disk;
  // Events that wait for the next pass that can write.
  std::vector<catalog::Update> unwritten;
  // Null while there is no stream.
  std::shared_ptr<SessionSink> session;
  int64_t session_id = 0;
  // Whether it said hello to this process, and the time of its last message (monotonic).
  bool contacted = false;
  int64_t last_contact_ms = 0;
  // Wall clock; when the record's last_seen_ms was last written.
  int64_t seen_saved_ms = 0;
  // From its newest heartbeat, as are `cached`, `ranks` (all that it has) and `applied_version`
  // (SignalCommand).
  bool draining = false;
  // It has said that it ends now and, being ephemeral, does not come back (core/leaving.h).
  bool left = false;
  // Ids of the artifacts in its cache; null: none. A set that is here does not change, so that
  // copies of it cost nothing.
  std::shared_ptr<const std::set<std::string>> cached;
  // The same of those that it keeps because they are bound to its site; of them, those that it need
  // not keep any more, and when they were last looked through (monotonic).
  std::shared_ptr<const std::set<std::string>> kept;
  std::vector<std::string> released;
  int64_t released_ms = 0;
  std::set<RankKey> ranks;
  int64_t applied_version = 0;
  // Ranks of earlier boots of the worker that it still delivers, as its newest heartbeat says;
  // until when those of live attempts are waited for (monotonic); and those that took too long.
  std::set<RankKey> delivering;
  std::map<RankKey, int64_t> delivery_ends_ms;
  std::set<RankKey> undelivered;
  // Whether the ranks of earlier boots were looked at in this session.
  bool old_boot_checked = false;
  // It is in quarantine now, as its record and the wall clock say (ObserveWorkers).
  bool quarantined = false;
  scheduler::Link link = scheduler::Link::kOffline;
  // All GPUs that it announced in its hello, and those of them that another worker owns.
  std::vector<catalog::GpuRecord> announced_gpus;
  std::vector<RefusedGpu> refused_gpus;
  // Where its ranks are reached from other hosts, as this session's hello says.
  Advertised advertised;
  // How it exchanges files with workers of its site, as the same says.
  Exchange exchange;
  // The workers to which it shall test its connection (NamePeers; null: none), and the results, by
  // worker.
  std::shared_ptr<const std::vector<Peer>> peers;
  std::map<std::string, PeerReach> reach;
  // When its ranks last lost those of other hosts (AskAgain); monotonic.
  int64_t asked = 0;
  // The newest set that was pushed in this session; null before the first.
  std::shared_ptr<const Desired> desired;
};

// How long the program of an attempt has made no step (core/watchdog.h), as the heartbeats of rank
// 0 say.
struct Stillness {
  // Of the newest heartbeat: the phase, the count, and when it came (monotonic; 0: none yet).
  std::string phase;
  int64_t done = 0;
  int64_t beat_ms = 0;
  int64_t still_ms = 0;
  int64_t longest_step_ms = 0;
};

// What is known about an attempt that has not ended, only while this process lives.
struct LiveAttempt {
  // Ranks whose end was reported, while others of the gang are not over yet.
  std::set<int64_t> ended_ranks;
  // Rank to the version of the first DesiredState in its worker's present session that holds the
  // rank. A worker that has applied this version and does not list the rank does not have it.
  std::map<int64_t, int64_t> assigned_version;
  // The same for the first DesiredState that tells the rank to stop.
  std::map<int64_t, int64_t> stop_version;
  // The failure stored so far only says that another rank was lost; the cause may still arrive.
  bool blamed_peer = false;
  task::Progress progress;
  // Of a gang (core/gangs.h): the phase and the count of each rank that has told of its progress,
  // when one of them last changed (monotonic; first, when it was granted), and the longest time
  // from one step to the next.
  std::map<int64_t, std::pair<std::string, int64_t>> moved;
  int64_t moved_ms = 0;
  int64_t longest_step_ms = 0;
  Stillness stillness;
  // When its workers kill what is left of it, by the wall clock, as far as is known here; 0: it was
  // not asked to stop by this process.
  int64_t stops_until_wall_ms = 0;
  // The same by the monotonic clock.
  int64_t stop_ends_ms = 0;
  // It was stopped because its program made no step.
  bool stalled = false;
  // How the program of rank 0 ended that was asked to stop; its category is empty before.
  catalog::Failure said;
  // For attempts of reports and exports: the summary that was first sent to the worker. Later
  // changes of the run are not sent.
  std::shared_ptr<const RunSummary> run_summary;
};

// Why a queued job waits, for people. `since_ms` is the wall-clock time since when the reason has
// been the same.
struct PendingView {
  scheduler::Reason reason = scheduler::Reason::kNone;
  std::string detail;
  int64_t since_ms = 0;
};

// Why the jobs of the queue wait, as the last pass found. Those of a group have one reason, but for
// jobs for which others are being stopped.
struct Pending {
  std::map<JobKey, PendingView> jobs;
  std::map<task::Requirements, PendingView, JobQueue::Less> groups;
  // How many jobs of each group have a reason of their own, in `jobs`; groups without any are left
  // out.
  std::map<task::Requirements, size_t, JobQueue::Less> own_reasons;

  // How many jobs of the group of these requirements, which has `all`, have the group's reason.
  size_t WithReasonOf(const task::Requirements& group, size_t all) const {
    const auto own = own_reasons.find(group);
    return own == own_reasons.end() || own->second > all ? all : all - own->second;
  }
};

// Not thread-safe: the core's thread alone uses it. Which rows are in memory is no part of what it
// is: functions that look for a row bring it in, and whoever asks cannot tell the difference.
class State {
 public:
  // The durable state, with the updates of the current batch applied, as far as it is in memory
  // (residents.h).
  const catalog::Image& image() const { return image_; }
  // Replaces the image, as at the start, and rebuilds the indices. There are no other rows.
  void Reset(catalog::Image image);
  // The same with rows that are looked for elsewhere, and counted. `past` outlives the state; null:
  // there is none.
  void Reset(catalog::LiveRows rows, catalog::Past* past);
  // Changes the image and the indices as the update says. REQUIRES: catalog::Check(update,
  // image()).ok()
  void Apply(const catalog::Update& update);
  // Takes back the newest update that was applied and not taken back yet. `undo` was made by
  // catalog::UndoOf before the update was applied. What depends on it is for the caller to note in
  // `changes`.
  void TakeBack(const catalog::Update& update, const catalog::Undo& undo);

  // Null if there is no such row. Pointers are valid until the next change of the state, and until
  // LetGo. These functions, and those below that look for rows, throw catalog::Unreadable.
  const RunRecord* FindRun(const std::string& id) const;
  const JobRecord* FindJob(const JobKey& key) const;
  const AttemptRecord* FindAttempt(const AttemptKey& key) const;
  const catalog::ArtifactRecord* FindArtifact(const std::string& id) const;
  // In topological order: parents before children.
  std::vector<const JobRecord*> JobsOf(const std::string& run) const;
  // Oldest first.
  std::vector<const AttemptRecord*> AttemptsOf(const JobKey& job) const;
  const Indices& indices() const { return indices_; }
  // The same as those of Indices.
  const JobQueue& queued() const {
    indices_.Settle(image_);
    return indices_.queued();
  }
  const std::set<AttemptKey>& live() const { return indices_.live(); }
  const std::set<JobKey>& gangs() const { return indices_.gangs(); }
  const std::set<JobKey>& with_binding() const { return indices_.with_binding(); }
  const std::set<AttemptKey>& LiveOn(const std::string& worker) const {
    return indices_.LiveOn(worker);
  }
  // Whether a job or a run names the artifact: as an input, an output, a source, or the newest
  // checkpoint. Such an artifact is never removed.
  bool IsUsed(const std::string& artifact) const;
  // The job's checkpoints that were not removed, oldest first.
  const std::set<CheckpointOrder>& CheckpointsOf(const JobKey& job) const;
  // What the run made, removed artifacts too.
  const Indices::ByTime& MadeBy(const std::string& run) const;
  // Whether there is such a run and it has not ended: answered from memory alone.
  bool IsActive(const std::string& run) const;
  // The entry of one of the maps of RowCounts, such as bytes_of_user, over all rows.
  int64_t BytesOf(std::map<std::string, int64_t> catalog::RowCounts::* bytes,
                  const std::string& name) const;
  // How many rows there are, in memory and elsewhere.
  catalog::RowCounts Totals() const;

  // Brings in the rows that the update is about, if they may be elsewhere.
  void RecallFor(const catalog::Update& update) const;
  // Lets those go that came first until, beside the run with the most rows, at most `most_rows`
  // rows of ended runs and of artifacts that no run in memory made are left; 0 lets all go.
  // REQUIRES: all updates are committed or taken back.
  void LetGo(int64_t most_rows);

  // Why a queued job waits; nullopt for other jobs, and before the first pass that looked at it.
  std::optional<PendingView> PendingOf(const JobRecord& job) const;

  // Finds a run by its id, by a prefix of the id that no other run has, or by name (of several the
  // newest). The error is kNotFound or, for an ambiguous prefix, kInvalidArgument.
  Result<const RunRecord*> ResolveRun(const std::string& text) const;
  // The same, without bringing its rows in.
  Result<std::string> ResolveRunId(const std::string& text) const;
  // Finds an artifact by its id or a prefix of it with 8 or more digits. The same errors.
  Result<const catalog::ArtifactRecord*> ResolveArtifact(const std::string& text) const;

  // The boot id that the worker last said hello with, to this process or as it is registered; empty
  // if it is unknown. A rank that was leased to another boot of the worker does not run any more.
  std::string BootOf(const std::string& worker) const;
  // Whether some live attempt has a rank on this worker.
  bool HoldsLeases(const std::string& worker) const { return !LiveOn(worker).empty(); }
  // Whether something that the rank did under an earlier boot of its worker may still be delivered.
  bool MayBeDelivered(const AttemptRecord& attempt, int64_t rank) const;
  // True if nothing more is to come of the rank of a live attempt: its end was reported, its worker
  // is lost, or was restarted and delivers nothing of it, or was told to stop it and no longer has
  // it.
  bool RankIsGone(const AttemptRecord& attempt, int64_t rank) const;
  // True if RankIsGone holds for every rank.
  bool AllRanksGone(const AttemptRecord& attempt) const;
  // True if the rank's worker is connected, has acted on a DesiredState with this rank, and does
  // not have the rank, although no end was reported.
  bool RankIsMissing(const AttemptRecord& attempt, int64_t rank) const;

  // The part that is not durable. Decisions change workers and attempts through their transaction,
  // which can take the changes back. Outside of transactions only the core's loop changes them
  // (ObserveWorkers, DesiredChanges, NoticeStall).
  std::map<std::string, LiveWorker> workers;
  std::map<AttemptKey, LiveAttempt> attempts;
  WorkersBySite sites;
  Pending pending;
  // When this process started, by the monotonic and by the wall clock.
  int64_t started_ms = 0;
  int64_t started_wall_ms = 0;
  // When the loop last began a step; monotonic.
  int64_t last_tick_ms = 0;
  // The number of the newest session of any worker (Transaction::NextSession).
  int64_t last_session = 0;
  // Version of the newest Desired of any worker.
  int64_t version = 0;
  // A digest of the inputs from which LiveWorker::peers were last computed.
  uint64_t peers_digest = 0;
  // Apply and transactions add to them, the core's loop takes them.
  Changes changes;
  LastPass last_pass;

 private:
  // Notes in `changes` what depends on the update. Called before it is applied.
  void Note(const catalog::Update& update);
  void NoteAttempt(const AttemptRecord& attempt);
  // Notes in `residents_` what may leave memory because of the update. Called after it is applied.
  void NoteGuests(const catalog::Update& update);

  // recall.cc: from the past into memory. False if there is no such row.
  bool RecallRun(const std::string& id) const;
  bool RecallArtifact(const std::string& id) const;
  // Recalls the run unless it is in memory; false if nothing came.
  bool BringIn(const std::string& run) const;
  void NoteGuest(const std::string& run) const;
  std::vector<std::string> RunsWithPrefix(const std::string& prefix, int64_t limit) const;
  std::string RunNamed(const std::string& name) const;

  // Mutable is what changes when rows come into memory.
  mutable catalog::Image image_;
  mutable Indices indices_;
  mutable Residents residents_;
  // Of the rows that are not in memory.
  mutable catalog::RowCounts elsewhere_;
  catalog::Past* past_ = nullptr;
  // Runs that this batch deletes: until it is committed, the past has them.
  std::set<std::string> deleted_;
};

// "run was paused by ada: the machine is needed", of a paused run, for people.
std::string PauseText(const RunRecord& run);

// The wall-clock time at which the job could be queued: the end of its last parent or, if it has
// none, its creation.
int64_t QueuedMs(const JobRecord& job, const State& state);

}  // namespace braid::coordinator
