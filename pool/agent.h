// All decisions of a pool's agent as one state machine without clock, process or connection: what
// the coordinator and the engine said goes in, the next thing to do comes out.
//
// It never asks twice for the same need: what it has asked for counts as coming until its workers
// are there or the engine says that it has ended. After its own start, and after a submission of
// which nobody knows whether it came through, it first reads the engine's list, where jobs are
// found again by their names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
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
// What the coordinator says.
struct Wanted {
  std::vector<Demand> demands;
  std::vector<KnownWorker> workers;
};

// What happened, for people; `what` is a word of PoolEvent in pools.proto.
struct Happened {
  int64_t number = 0;
  std::string what, detail;
};
struct Gone {
  std::string worker, why;
};

// The id of a worker of a job: rank i of its allocation.
std::string WorkerId(const std::string& pool, const std::string& job, int64_t rank);

class Agent {
 public:
  struct Options {
    // How often the engine is asked for its list while the pool has jobs there.
    int64_t list_every_ms = 15'000;
    // How long too many waiting jobs are left, in case they are wanted again.
    int64_t surplus_ms = 15'000;
  };
  // `now_ms`, here and below, is a monotonic clock.
  Agent(const Settings& settings, const Options& options, int64_t now_ms);

  struct List {};
  struct Submit {
    Allocation allocation;
  };
  struct Cancel {
    std::vector<std::string> ids;
    bool waiting_only = true;
  };
  using Step = std::variant<List, Submit, Cancel>;
  // What is to be done now; nullopt: nothing before the next event. Whoever carries it out answers
  // with one of the calls below before asking again.
  std::optional<Step> Next(int64_t now_ms);

  void OnListed(const Result<std::vector<EngineJob>>& listed, int64_t now_ms);
  void OnSubmitted(const Allocation& allocation, const Submission& submission, int64_t now_ms);
  void OnCancelled(const Cancel& cancel, const Status& status, int64_t now_ms);
  void OnWanted(const Wanted& wanted, int64_t now_ms);
  // The coordinator does not answer: until OnWanted nothing is asked for, and nothing taken back.
  void OnUnreachable();

  // The pool is to be deleted: all of its jobs are ended, and no more are asked for.
  void Delete();
  // Whether the engine has none of its jobs left.
  bool deleted() const { return deleting_ && listed_ && !unsure_ && jobs_.empty(); }

  // For the next report: the jobs, what keeps the pool from asking, and what was not reported yet.
  std::vector<EngineJob> jobs() const;
  const std::string& trouble() const { return trouble_; }
  const std::vector<Happened>& events() const { return events_; }
  const std::vector<Gone>& gone() const { return gone_; }
  // A report with so many of them has arrived.
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
  bool deleting_ = false;
  int64_t last_number_ = 0;
  std::vector<Happened> events_;
  std::vector<Gone> gone_;
};

}  // namespace braid::pool
