// Indices over the rows of the catalog, for questions that would otherwise need a walk over all
// rows: which jobs are queued, which attempts run on a worker, what uses an artifact, how many rows
// are in each state. Kept row by row: before an update is applied (or taken back) the rows that it
// changes are taken out, afterwards they are put in as they are then. So the indices do not depend
// on the meaning of updates, and Rebuild gives the same result as any sequence of updates.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/core/job_queue.h"
#include "scheduler/snapshot.h"
#include "storage/catalog/past.h"
#include "storage/catalog/update.h"

namespace braid::coordinator {

// A checkpoint that a job made, in the order in which a job's are made.
struct CheckpointOrder {
  int64_t epoch = 0;
  int64_t created_ms = 0;
  std::string artifact;
  auto operator<=>(const CheckpointOrder&) const = default;
};

// Not thread-safe, like the State whose part it is.
class Indices {
 public:
  // A time and an id: rows in the order in which they were made.
  using ByTime = std::set<std::pair<int64_t, std::string>>;

  // Computes all indices from the rows.
  void Rebuild(const catalog::Image& image);
  // To be called before and after `image` is changed as the update says, or is changed back.
  void TakeOut(const catalog::Update& update, const catalog::Image& image);
  void PutIn(const catalog::Update& update, const catalog::Image& image);

  // To be called after a change was taken back: costs that were computed while a job had ended are
  // not right any more.
  void NoteTakenBack(const catalog::Update& update);

  // Rows by their keys.
  struct Rows {
    std::vector<std::string> runs;
    std::vector<catalog::JobKey> jobs;
    std::vector<catalog::AttemptKey> attempts;
    std::vector<std::string> artifacts;
  };
  // The run, its jobs and its attempts, as far as they are in the image.
  static Rows RowsOfRun(const std::string& run, const catalog::Image& image);
  // To be called before rows leave the image, and after they have come into it.
  void TakeOut(const Rows& rows, const catalog::Image& image);
  void PutIn(const Rows& rows, const catalog::Image& image);

  // Orders the jobs of runs whose critical paths have changed. To be called before the order of
  // queued() is read: not with each change, because a decision changes many jobs of one run.
  void Settle(const catalog::Image& image);

  // Jobs that wait for a grant; those of paused runs are not among them.
  const JobQueue& queued() const { return queued_; }
  // Attempts that have not ended; a job has at most one.
  const std::set<catalog::AttemptKey>& live() const { return live_; }
  // Those of them that have a rank on the worker.
  const std::set<catalog::AttemptKey>& LiveOn(const std::string& worker) const;
  // The slots of the worker that live attempts hold; and the slots of all workers that they hold,
  // by user. Users without any are not in the map.
  scheduler::SlotAmounts HeldOf(const std::string& worker) const;
  const std::map<std::string, scheduler::SlotAmounts>& held_by() const { return held_by_; }
  // When the time of runs that are not paused, and of live attempts, is up, on the wall clock, as
  // far as they have a limit.
  using RunDeadlines = std::set<std::pair<int64_t, std::string>>;
  using AttemptDeadlines = std::set<std::pair<int64_t, catalog::AttemptKey>>;
  const RunDeadlines& run_deadlines() const { return run_deadlines_; }
  const AttemptDeadlines& attempt_deadlines() const { return attempt_deadlines_; }
  // Jobs of several ranks that have not ended.
  const std::set<catalog::JobKey>& gangs() const { return gangs_; }
  // Jobs with a binding that have not ended.
  const std::set<catalog::JobKey>& with_binding() const { return with_binding_; }

  // How many jobs of the run there are, and how many of them have not ended.
  int64_t JobsIn(const std::string& run) const;
  int64_t UnendedIn(const std::string& run) const;
  // The jobs that have not ended, of a user and at a site to which they are bound; and all users
  // and sites that have any.
  int64_t UnendedOfUser(const std::string& user) const;
  int64_t UnendedOfSite(const std::string& site) const;
  const std::map<std::string, int64_t>& unended_of_user() const { return unended_of_user_; }
  const std::map<std::string, int64_t>& unended_of_site() const { return unended_of_site_; }
  // The number of jobs and runs that name the artifact.
  int64_t UsesOf(const std::string& artifact) const;
  // The job's checkpoints in the image that were not removed, oldest first.
  const std::set<CheckpointOrder>& CheckpointsOf(const catalog::JobKey& job) const;

  // The runs of one name, and the artifacts that a run made.
  const ByTime& RunsNamed(const std::string& name) const;
  const ByTime& MadeBy(const std::string& run) const;

  // The numbers of rows in the image.
  const catalog::RowCounts& counts() const { return counts_; }

  // For tests.
  bool operator==(const Indices& other) const;

 private:
  // Add (`by` 1) or take away (-1) what one row stands for.
  void Count(const catalog::RunRecord& run, int64_t by);
  void Count(const catalog::JobRecord& job, const catalog::Image& image, int64_t by);
  void Count(const catalog::AttemptRecord& attempt, const catalog::Image& image, int64_t by);
  void Count(const catalog::ArtifactRecord& artifact, int64_t by);
  void CountUse(const std::string& artifact, int64_t by);
  double CostOf(const catalog::JobRecord& job, const catalog::Image& image);
  void OrderAgain(const std::string& run, const catalog::Image& image);

  JobQueue queued_;
  std::set<catalog::AttemptKey> live_;
  std::map<std::string, std::set<catalog::AttemptKey>> live_on_;
  std::map<std::string, scheduler::SlotAmounts> held_of_, held_by_;
  std::set<catalog::JobKey> gangs_, with_binding_;
  RunDeadlines run_deadlines_;
  AttemptDeadlines attempt_deadlines_;
  std::unordered_map<std::string, int64_t> jobs_in_, unended_in_, uses_;
  std::map<std::string, int64_t> unended_of_user_, unended_of_site_;
  std::map<catalog::JobKey, std::set<CheckpointOrder>> checkpoints_;
  std::map<std::string, ByTime> runs_named_, made_by_;
  catalog::RowCounts counts_;
  // For each run with jobs in the queue the cost of the critical path from each job, by its
  // position. Computed when it is needed.
  std::unordered_map<std::string, std::vector<double>> costs_;
  // Runs for Settle. The costs of their jobs in the queue are not the right ones.
  std::set<std::string> unsettled_;
};

// When the run has taken as long as it may, on the wall clock; INT64_MAX: never, or it is paused.
int64_t DeadlineOf(const catalog::RunRecord& run);

// True iff the artifact is a checkpoint that a training committed on its way.
bool IsProgress(const catalog::ArtifactRecord& artifact);

}  // namespace braid::coordinator
