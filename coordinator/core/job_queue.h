// The queued jobs, in the order in which a scheduling pass offers them slots (scheduler/order.h),
// so that a pass looks only at those that may be granted some.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "storage/catalog/records.h"

namespace braid::coordinator {

// Jobs are kept in groups of equal requirements, within a group in a line for each priority and
// user. Not thread-safe.
class JobQueue {
 public:
  // A job within a line. Its fields are those that order the jobs of one user and priority.
  struct Place {
    int64_t submitted_ms = 0;
    std::string run;
    // Of the critical path to the end of the run; the longest goes first.
    double cost = 0;
    int64_t position = 0;
    std::string job;
    bool operator<(const Place& other) const {
      return std::tie(submitted_ms, run, other.cost, position, job) <
             std::tie(other.submitted_ms, other.run, cost, other.position, other.job);
    }
    bool operator==(const Place&) const = default;
  };
  // Whose line it is: jobs of runs with different priorities, users, or a different say about
  // whether others may be stopped for them (scheduler::JobView::preempts).
  struct Owner {
    int64_t priority = 0;
    std::string user;
    bool preempts = true;
    auto operator<=>(const Owner&) const = default;
  };
  using Lines = std::map<Owner, std::set<Place>>;
  // Jobs that demand the same of workers: whether one of them can be placed now is known from
  // another.
  struct Group {
    Lines lines;
    size_t jobs = 0;
    bool operator==(const Group&) const = default;
  };
  // Orders requirements, for use as keys of maps.
  struct Less {
    bool operator()(const task::Requirements& a, const task::Requirements& b) const {
      const auto key = [](const task::Requirements& job) {
        return std::tie(job.kind, job.site, job.device, job.ranks, job.slots, job.memory_bytes,
                        job.across_sites);
      };
      return key(a) < key(b);
    }
  };
  using Groups = std::map<task::Requirements, Group, Less>;

  // A job that has run before may have to wait, or be kept from some workers, and one with a
  // binding needs a worker that can read its inputs: it is in no group.
  static bool IsSingle(const catalog::JobRecord& job) {
    return job.epoch > 0 || job.not_before_ms > 0 || job.binding != task::Binding::kNothing;
  }

  // Adds a job. `cost` is the cost of the critical path from the job to the end of its run.
  // REQUIRES: the job is not in the queue.
  void Add(const catalog::JobRecord& job, const catalog::RunRecord& run, double cost);
  // Removes a job; does nothing if it is not in the queue. REQUIRES: the rows are as they were when
  // the job was added.
  void Remove(const catalog::JobRecord& job, const catalog::RunRecord& run);
  void Clear() { *this = JobQueue(); }

  // The number of queued jobs, and whether a job is among them.
  bool empty() const { return costs_.empty(); }
  size_t size() const { return costs_.size(); }
  bool contains(const catalog::JobKey& job) const { return costs_.contains(job); }
  // Every queued job, with the cost of its critical path.
  const std::map<catalog::JobKey, double>& costs() const { return costs_; }
  // The jobs in no group (IsSingle), and the groups.
  const std::set<catalog::JobKey>& singles() const { return singles_; }
  const Groups& groups() const { return groups_; }

  bool operator==(const JobQueue&) const = default;

 private:
  std::map<catalog::JobKey, double> costs_;
  std::set<catalog::JobKey> singles_;
  Groups groups_;
};

}  // namespace braid::coordinator
