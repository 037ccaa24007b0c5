// All decisions of a pool's agent as one state machine without clock, process or connection. Inputs
// are the answers of the coordinator and of the engine; the output is the next action.
//
// It never submits twice for the same need: a submitted job counts as coming until its workers have
// connected or the engine reports its end. After the agent's start, and after a submission whose
// outcome is unknown, it first reads the engine's list, in which it finds its jobs by their names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "pool/engine.h"
#include "pool/need.h"
#include "pool/settings.h"

namespace braid::pool {

// A worker of the pool that the coordinator knows (PoolWorker in pools.proto).
struct KnownWorker {
  std::string id;
  bool ready = false;
  int64_t slots_used = 0;
};
// The coordinator's answer to a report.
struct Wanted {
  std::vector<Demand> demands;
  std::vector<KnownWorker> workers;
};

// An event for people, numbered from 1 in the life of the agent; `what` is a word of PoolEvent in
// pools.proto.
struct Happened {
  int64_t number = 0;
  std::string what, detail;
};
// A worker whose job has ended, and why.
struct Gone {
  std::string worker, why;
};

// The id of a worker of a job: rank i of its allocation.
std::string WorkerId(const std::string& pool, const std::string& job, int64_t rank);

// Not thread-safe.
class Agent {
 public:
  struct Options {
    // How often the engine is asked for its list while the pool has jobs there.
    int64_t list_every_ms = 15'000;
    // How long superfluous waiting jobs are kept in the engine's queue, in case they are needed
    // again.
    int64_t surplus_ms = 15'000;
    // How long jobs lack memory before that is told.
    int64_t lacks_memory_ms = 60'000;
  };
  // `now_ms`, here and below, is a monotonic clock.
  Agent(const Settings& settings, const Options& options, int64_t now_ms);

  // The actions: read the engine's list, submit an allocation, cancel jobs.
  struct List {};
  struct Submit {
    Allocation allocation;
  };
  struct Cancel {
    std::vector<std::string> ids;
    bool waiting_only = true;
  };
  using Step = std::variant<List, Submit, Cancel>;
  // The next action; nullopt: none before the next event. The caller carries it out and reports the
  // result by one of the functions below before calling Next again.
  std::optional<Step> Next(int64_t now_ms);

  // The results of the three actions, and a new answer of the coordinator.
  void OnListed(const Result<std::vector<EngineJob>>& listed, int64_t now_ms);
  void OnSubmitted(const Allocation& allocation, const Submission& submission, int64_t now_ms);
  void OnCancelled(const Cancel& cancel, const Status& status, int64_t now_ms);
  void OnWanted(const Wanted& wanted, int64_t now_ms);
  // The coordinator does not answer: until the next OnWanted nothing is submitted or cancelled.
  void OnUnreachable();

  // The pool is to be deleted: all of its jobs are ended, and no more are asked for.
  void Delete();
  // Whether Delete was called and the engine has none of the pool's jobs left.
  bool deleted() const { return deleting_ && listed_ && !unsure_ && jobs_.empty(); }

  // The contents of the next report: the jobs, the reason for which the pool submits nothing (or
  // empty), and the events and gone workers that were not reported yet.
  std::vector<EngineJob> jobs() const;
  const std::string& trouble() const { return trouble_; }
  const std::vector<Happened>& events() const { return events_; }
  const std::vector<Gone>& gone() const { return gone_; }
  // A report with the first `events` events and `gone` workers has arrived; they are dropped.
  void OnReported(size_t events, size_t gone);

 private:
  struct Job {
    EngineJob said;
    // The workers of it that were connected once.
    std::set<std::string> came;
    // One of them had something to do.
    bool worked = false;
    // Ended by this agent.
    bool cancelled = false;
    // The reason that was told as an event.
    std::string reason_told;
  };

  void Tell(const std::string& what, const std::string& detail);
  // What keeps the pool from asking; told as an event, as `what`, if it is new.
  void SetTrouble(const std::string& what, const std::string& trouble, int64_t now_ms);
  void Pause(int64_t now_ms);
  void OnEnded(const std::string& id, const EngineJob& said, int64_t now_ms);
  void OnUseless(const Job& job, const EngineJob& said, int64_t now_ms);
  void TellReason(Job* job);
  // Of jobs that the pool's workers could run if they had the memory.
  void TellLackOfMemory(int64_t now_ms);
  // In the engine's queue, as far as is known.
  static bool Waits(const Job& job);
  std::vector<Supply> SupplyNow() const;
  int64_t WorkersOfJobs() const;
  std::optional<Step> NextSubmission();
  std::optional<Step> NextCancel(int64_t now_ms);
  std::optional<Step> NextDelete(int64_t now_ms) const;
  bool HasReadyWorker(const std::string& id) const;

  const Settings settings_;
  const Options options_;
  std::map<std::string, Job> jobs_;  // those that have not ended, by the engine's id
  Wanted wanted_;
  bool reachable_ = false;
  // The list was read since the start, and since the last submission of unknown outcome.
  bool listed_ = false;
  bool unsure_ = false;
  bool list_failed_ = false;
  int64_t list_at_ms_;
  // Nothing is asked for before that; how many failures in a row led to it.
  int64_t paused_until_ms_ = 0;
  int64_t failures_ = 0;
  std::string trouble_;
  // The trouble is of workers that were of no use, which a job that is taken does not end.
  bool useless_ = false;
  // Since when more jobs wait than are wanted; -1: they are not.
  int64_t surplus_since_ms_ = -1;
  std::set<std::string> too_large_told_;
  // Since when kinds of jobs of runs lack memory, by run and kind; -1: it was told.
  std::map<std::pair<std::string, std::string>, int64_t> lacks_memory_;
  bool deleting_ = false;
  int64_t last_number_ = 0;
  std::vector<Happened> events_;
  std::vector<Gone> gone_;
};

}  // namespace braid::pool
