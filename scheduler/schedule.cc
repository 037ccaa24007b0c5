#include "scheduler/schedule.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "scheduler/bound_places.h"
#include "scheduler/lease.h"
#include "scheduler/order.h"
#include "scheduler/placement.h"
#include "scheduler/preempt.h"

namespace braid::scheduler {
namespace {

std::string SlotsText(const JobView& job) {
  return std::to_string(job.slots) + (job.device == Device::kCuda ? " GPU" : " CPU slot") +
         (job.slots == 1 ? "" : "s") +
         (job.memory_bytes == 0
              ? ""
              : " and " + FormatBytes(static_cast<uint64_t>(job.memory_bytes)) + " of memory") +
         (job.ranks > 1 ? " for each of " + std::to_string(job.ranks) + " ranks" : "") +
         (job.site.empty() ? "" : " at site " + job.site);
}

// Of a job that some workers could run if they had the memory: which of them has the most, and what
// to do; otherwise empty.
std::string MemoryText(const std::vector<WorkerView>& workers, JobView job) {
  if (job.memory_bytes == 0) return "";
  job.memory_bytes = 0;
  const WorkerView* most = nullptr;
  for (const WorkerView& worker : workers) {
    if (MatchesApartFromBound(worker, job) &&
        (most == nullptr || worker.memory_bytes > most->memory_bytes))
      most = &worker;
  }
  if (most == nullptr) return "";
  return "; the most memory is that of worker " + most->id + ", " +
         FormatBytes(static_cast<uint64_t>(most->memory_bytes)) +
         ": start a worker with more, or submit the run with a smaller `memory`";
}

// Whether a worker that may run the job has the slots free and not the memory.
bool LacksMemory(const std::vector<WorkerView>& workers, const JobView& job) {
  const std::vector<Candidate> candidates = CandidatesFor(workers, job, Room::kEmpty);
  return std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& one) {
    return workers[one.worker].Free(job.device) >= job.slots &&
           RoomNow(workers[one.worker], job) == 0;
  });
}

// The last failure of the job, as an addition to a reason.
std::string After(const JobView& job) {
  return job.last_failure.empty() ? "" : "; last time: " + job.last_failure;
}

// Why workers that could run the job get none for the moment: because of their disks, or because
// they are in quarantine.
std::string Hindrances(const Snapshot& snapshot, const JobView& job,
                       std::string WorkerView::* hindrance) {
  std::vector<std::string> texts;
  for (const WorkerView& worker : snapshot.workers) {
    if (Matches(worker, job) && worker.connected && worker.admits && !(worker.*hindrance).empty())
      texts.push_back(worker.*hindrance);
  }
  return Join(texts, "; ");
}

// Why none of the connected workers that could otherwise run the job has, or can read, what is
// bound to its site; empty if bound data is not the reason.
std::string WhyNoPlace(const Snapshot& snapshot, const JobView& job) {
  if (job.binding == task::Binding::kNothing) return "";
  if (std::string missing = WhatIsMissing(snapshot.workers, job); !missing.empty()) return missing;
  const std::string why = WhyNotElsewhere(snapshot.workers, job);
  if (why.empty()) return "";
  return "no worker can run it with what is bound to site " + job.site + ": " + why +
         (job.memory_bytes == 0 ? "" : "; it needs " + SlotsText(job));
}

// If the workers have room enough for the gang and only cannot reach each other, the text says
// which and why.
std::string GangText(const Snapshot& snapshot, const JobView& job) {
  const auto& workers = snapshot.workers;
  const int64_t fit = RanksThatFit(workers, job, Room::kNow);
  const int64_t most = RanksThatFit(workers, job, Room::kEmpty);
  const std::string text = "room for " + std::to_string(std::min(fit, job.ranks)) + " of " +
                           std::to_string(job.ranks) + " ranks now, " + std::to_string(most) +
                           " at most";
  if (most >= job.ranks) return text;
  const std::vector<Candidate> candidates = CandidatesFor(workers, job, Room::kEmpty);
  int64_t all = 0;
  for (const Candidate& candidate : candidates) all += candidate.room;
  const std::string apart = PairsApart(workers, job, candidates);
  if (apart.empty()) {
    return text + ": its workers need more slots" + (job.memory_bytes > 0 ? " and memory" : "") +
           ", or it needs more workers";
  }
  return text + " on workers that can reach each other" +
         (all >= job.ranks ? ": " : " (and too few on all workers together): ") + apart;
}

// Why it gets no slots of other workers of its site, as an addition to a reason.
std::string NotElsewhere(const Snapshot& snapshot, const JobView& job) {
  const std::string why = WhyNotElsewhere(snapshot.workers, job);
  return why.empty() ? "" : "; " + why;
}

// Why a job waits that was not placed. The most specific reason that the user can act on comes
// first.
Waiting Explain(const Snapshot& snapshot, size_t index) {
  const JobView& job = snapshot.jobs[index];
  const auto& workers = snapshot.workers;
  Waiting waiting{index, Reason::kNone, ""};
  const auto say = [&](Reason reason, std::string detail) {
    waiting.reason = reason;
    waiting.detail = std::move(detail);
    return waiting;
  };
  const auto count = [&](auto test) { return std::count_if(workers.begin(), workers.end(), test); };

  if (snapshot.recovering && count([](const WorkerView& w) { return w.connected; }) == 0) {
    return say(Reason::kRecoveringLeases,
               "the coordinator has just started and waits for its workers");
  }
  if (workers.empty())
    return say(Reason::kNoMatchingWorker,
               "no worker has connected yet: start one with braid-worker");
  if (!job.site.empty() &&
      count([&](const WorkerView& w) { return w.site == job.site && w.connected; }) == 0) {
    return say(Reason::kDataSiteOffline,
               "its data is at site " + job.site + ", and no worker of that site is connected");
  }
  if (count([&](const WorkerView& w) { return w.connected && Matches(w, job); }) == 0) {
    if (const std::string why = WhyNoPlace(snapshot, job); !why.empty())
      return say(Reason::kDataSiteOffline, why);
  }
  // A worker that comes back may be able to read what is bound, which is not known before.
  if (count([&](const WorkerView& w) { return MatchesApartFromBound(w, job); }) == 0) {
    return say(Reason::kUnschedulable, "no registered worker could ever run it: it needs " +
                                           SlotsText(job) + MemoryText(workers, job));
  }
  const std::string full = Hindrances(snapshot, job, &WorkerView::disk_full);
  const std::string quarantined = Hindrances(snapshot, job, &WorkerView::quarantine);
  const std::string hindered = full + (full.empty() || quarantined.empty() ? "" : "; ") +
                               quarantined;
  if (RanksThatFit(workers, job, Room::kEmpty) == 0) {
    if (!full.empty()) return say(Reason::kDiskFull, hindered);
    if (!quarantined.empty()) return say(Reason::kWorkerQuarantined, hindered);
    const auto usable = [&](const WorkerView& w) {
      return Matches(w, job) && w.connected && w.admits;
    };
    if (count(usable) > 0)
      return say(Reason::kWorkerExcluded,
                 "it failed on every worker that could run it" + After(job));
    return say(Reason::kNoMatchingWorker,
               "no worker that could run it is connected and open: it needs " + SlotsText(job));
  }
  if (job.ranks > 1)
    return say(Reason::kGangIncomplete, GangText(snapshot, job) +
                                            (hindered.empty() ? "" : "; " + hindered) +
                                            NotElsewhere(snapshot, job));
  const bool room = RanksThatFit(workers, job, Room::kNow) > 0;
  return say(Reason::kWaitingCapacity,
             (room ? "the free slots are kept for a gang or a wider job that comes before it"
              : LacksMemory(workers, job)
                  ? "the memory beside the free slots is taken: it needs " + SlotsText(job)
                  : "all matching slots are taken: it needs " + SlotsText(job)) +
                 (hindered.empty() ? "" : "; " + hindered) + NotElsewhere(snapshot, job));
}

void Take(std::vector<WorkerView>& workers, const JobView& job, const std::vector<size_t>& ranks) {
  for (const size_t w : ranks) Hold(&workers[w], job, 1);
}

// A worker stays excluded only while the job could run without it; waiting forever would not be
// better than trying the worker again.
void RelaxExclusions(Snapshot& snapshot) {
  for (JobView& job : snapshot.jobs) {
    if (job.excluded.empty()) continue;
    const int64_t without = RanksThatFit(snapshot.workers, job, Room::kEver);
    JobView relaxed = job;
    relaxed.excluded.clear();
    if (without < job.ranks && RanksThatFit(snapshot.workers, relaxed, Room::kEver) > without)
      job.excluded.clear();
  }
}

// Jobs of one class differ in nothing that decides whether they are placed: if one of them found no
// room, the others find none in the same pass, in which room only becomes less.
using Class =
    std::tuple<std::string_view, std::string_view, Device, int64_t, int64_t, int64_t, bool>;

bool HasClass(const JobView& job) {
  return job.excluded.empty() && job.last_failure.empty() && job.binding == task::Binding::kNothing;
}

Class ClassOf(const JobView& job) {
  return {job.kind, job.site, job.device, job.ranks, job.slots, job.memory_bytes, job.across_sites};
}

class Failed {
 public:
  bool Contains(const JobView& job) const {
    return HasClass(job) && classes_.contains(ClassOf(job));
  }
  void Add(const JobView& job) {
    if (HasClass(job)) classes_.insert(ClassOf(job));
  }

 private:
  std::set<Class> classes_;
};

// The workers that are kept for one job which needs more than is free now.
struct Kept {
  std::set<size_t> workers;
  const JobView* job = nullptr;
  // How many of its ranks are to run on each of them.
  std::map<size_t, int64_t> ranks;
};

// Whether that job would wait longer if `other` were put on one of those workers. It would if both
// need memory, which jobs of all devices share, or slots of one device. The exception is a job that
// waits for memory alone: slots beyond those that it needs may go to jobs that hold no memory.
bool Delays(const JobView& other, const Kept& kept, const std::vector<WorkerView>& workers) {
  const JobView& job = *kept.job;
  if (job.memory_bytes > 0 && other.memory_bytes > 0) return true;
  if (job.device != other.device) return false;
  if (job.memory_bytes == 0) return true;
  return std::any_of(kept.ranks.begin(), kept.ranks.end(), [&](const auto& one) {
    const int64_t left = workers[one.first].Free(job.device) - other.slots * other.ranks;
    return left < job.slots * one.second;
  });
}

// The workers on which this pass has placed jobs that make something bound, by run and site: they
// count as keepers for the later jobs of the run. Of the ranks of a gang, the first makes it.
class NewKeepers {
 public:
  void Add(const JobView& job, const WorkerView& worker) {
    if (task::MakesBound(job.binding)) ids_[{job.run, job.site}].insert(worker.id);
  }
  void Join(JobView* job, PlaceFinder& places) const {
    const auto found = ids_.find({job->run, job->site});
    if (!task::MakesBound(job->binding) || found == ids_.end()) return;
    const size_t before = job->keepers.here.size();
    job->keepers.here.insert(found->second.begin(), found->second.end());
    if (job->keepers.here.size() > before) places.Find(job);
  }

 private:
  std::map<std::pair<std::string, std::string>, std::set<std::string>> ids_;
};

std::set<size_t> Union(std::set<size_t> all, const std::set<size_t>& more) {
  all.insert(more.begin(), more.end());
  return all;
}

// Says why the jobs wait that have no reason yet, after all grants of the pass.
void ExplainAll(const Snapshot& snapshot, std::vector<Waiting>* waiting) {
  std::map<Class, const Waiting*> known;
  for (Waiting& one : *waiting) {
    if (one.reason != Reason::kNone) continue;
    const JobView& job = snapshot.jobs[one.job];
    const auto same = HasClass(job) ? known.find(ClassOf(job)) : known.end();
    if (same != known.end()) {
      one.reason = same->second->reason;
      one.detail = same->second->detail;
      continue;
    }
    one = Explain(snapshot, one.job);
    if (HasClass(job)) known.emplace(ClassOf(job), &one);
  }
}

}  // namespace

const Words& WordsOf(Reason) {
  static const Words words = {"",
                              "WAITING_PARENTS",
                              "WAITING_CAPACITY",
                              "NO_MATCHING_WORKER",
                              "DATA_SITE_OFFLINE",
                              "GANG_INCOMPLETE",
                              "BACKOFF",
                              "WORKER_EXCLUDED",
                              "UNSCHEDULABLE",
                              "RECOVERING_LEASES",
                              "WORKER_DISK_FULL",
                              "WORKER_QUARANTINED",
                              "RUN_PAUSED",
                              "PREEMPTING"};
  return words;
}

Plan Schedule(Snapshot snapshot) {
  PlaceFinder places(snapshot.workers);
  for (JobView& job : snapshot.jobs) places.Find(&job);
  RelaxExclusions(snapshot);
  Plan plan;
  FairOrder order(snapshot);
  Preemptor preemptor(snapshot);
  // Those for which there is no room now; those of them for which none can be made; and those that
  // want nothing to be stopped, with the workers that they could use.
  Failed failed, stuck, patient;
  std::map<Device, std::set<size_t>> awaited;
  Kept reserved;
  const std::set<size_t> nothing;
  NewKeepers keepers;
  while (const auto index = order.Next()) {
    keepers.Join(&snapshot.jobs[*index], places);
    const JobView& job = snapshot.jobs[*index];
    // A wait longer than the longest possible one was computed before the wall clock was set back;
    // it is over.
    if (job.not_before_ms > snapshot.now_wall_ms &&
        job.not_before_ms - snapshot.now_wall_ms <= kMaxBackoffMs) {
      plan.waiting.push_back({*index, Reason::kBackoff,
                              "tried again at " + FormatUtc(job.not_before_ms) + After(job)});
      continue;
    }
    const bool hopeless = failed.Contains(job);
    const bool delays = reserved.job != nullptr && Delays(job, reserved, snapshot.workers);
    const std::set<size_t>& kept = delays ? reserved.workers : nothing;
    auto ranks = hopeless ? std::nullopt : Place(snapshot.workers, job, kept);
    if (ranks.has_value()) {
      Take(snapshot.workers, job, *ranks);
      preemptor.Take(job, *ranks);
      order.Granted(*index);
      keepers.Add(job, snapshot.workers[ranks->front()]);
      plan.grants.push_back({*index, std::move(*ranks)});
      continue;
    }
    failed.Add(job);
    std::set<size_t>& others = awaited[job.device];
    const auto room = stuck.Contains(job) ? std::nullopt
                      : others.empty()    ? preemptor.MakeRoom(job, kept)
                                          : preemptor.MakeRoom(job, Union(kept, others));
    if (room.has_value()) {
      Take(snapshot.workers, job, room->workers);
      order.Granted(*index);
      for (const size_t running : room->stop) plan.stops.push_back({running, *index});
      plan.waiting.push_back({*index, Reason::kPreempting, room->waits_for});
      continue;
    }
    stuck.Add(job);
    if (!job.preempts && !snapshot.running.empty() && !patient.Contains(job)) {
      patient.Add(job);
      for (const Candidate& one : CandidatesFor(snapshot.workers, job, Room::kEmpty))
        others.insert(one.worker);
    }
    plan.waiting.push_back({*index, Reason::kNone, ""});
    if (!hopeless && task::NeedsMuchAtOnce(job) && reserved.workers.empty()) {
      for (const size_t w : PlaceToWaitFor(snapshot.workers, job)) {
        reserved.workers.insert(w);
        ++reserved.ranks[w];
      }
      reserved.job = &job;
    }
  }
  ExplainAll(snapshot, &plan.waiting);
  return plan;
}

}  // namespace braid::scheduler
