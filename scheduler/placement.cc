#include "scheduler/placement.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "scheduler/bound_places.h"

namespace braid::scheduler {
namespace {

// The ranks for which these slots and this memory of the worker are enough.
int64_t RanksIn(int64_t slots, int64_t memory_bytes, const WorkerView& worker, const JobView& job) {
  int64_t ranks = std::max<int64_t>(0, slots) / job.slots;
  if (job.memory_bytes > 0 && worker.memory_bytes > 0)
    ranks = std::min(ranks, std::max<int64_t>(0, memory_bytes) / job.memory_bytes);
  return ranks;
}

bool Usable(const WorkerView& worker, const JobView& job) {
  return worker.connected && worker.admits && worker.disk_full.empty() &&
         worker.quarantine.empty() && Matches(worker, job) && !job.excluded.contains(worker.id);
}

int64_t CachedInputs(const WorkerView& worker, const JobView& job) {
  return std::count_if(job.inputs.begin(), job.inputs.end(),
                       [&](const auto& id) { return HasArtifact(worker, id); });
}

// A worker on which ranks of a job may be put.
struct Chance {
  size_t worker = 0;
  bool avoided = false;  // its last failure was there
  int64_t room = 0;      // for so many ranks, and for so many without waiting
  int64_t room_now = 0;
  int64_t cached = 0;  // inputs that it has
  int64_t memory = 0;  // that is free, if the job needs some
  int64_t free = 0;    // slots
  int64_t taken = 0;   // ranks that are to run there

  // Another worker than that of the last failure; no waiting; few ranks of this gang; inputs in the
  // cache; most free memory, if the job needs some; most free slots. The index makes the choice
  // deterministic.
  bool IsBetterThan(const Chance& other) const {
    const auto cost = [](const Chance& one) {
      return std::tuple(one.avoided, one.taken + 1 > one.room_now, one.taken, -one.cached,
                        -one.memory, -one.free, one.worker);
    };
    return cost(*this) < cost(other);
  }
};

// Assigns the ranks one after the other to `candidates`, which are indices of workers. `assumed`
// has the slots that count as free: those of today, or all of them to find a place to wait for. In
// the second case, candidates without room in `now`, the workers as they are, come last: of two
// places that could be kept for a job, the one that is nearly free is better.
std::optional<std::vector<size_t>> PlaceAmong(const std::vector<WorkerView>& assumed,
                                              const std::vector<WorkerView>& now,
                                              const JobView& job,
                                              const std::vector<size_t>& candidates) {
  std::vector<Chance> chances;
  for (const size_t w : candidates) {
    const int64_t room = RoomNow(assumed[w], job);
    if (room == 0) continue;
    const int64_t memory = job.memory_bytes == 0 ? 0 : now[w].memory_bytes - now[w].memory_used;
    chances.push_back({w, assumed[w].id == job.avoid, room, RoomNow(now[w], job),
                       CachedInputs(assumed[w], job), memory, assumed[w].Free(job.device)});
  }
  std::vector<size_t> ranks;
  for (int64_t rank = 0; rank < job.ranks; ++rank) {
    Chance* best = nullptr;
    for (Chance& chance : chances) {
      if (chance.taken < chance.room && (best == nullptr || chance.IsBetterThan(*best)))
        best = &chance;
    }
    if (best == nullptr) return std::nullopt;
    best->free -= job.slots;
    ++best->taken;
    ranks.push_back(best->worker);
  }
  return ranks;
}

// Compares the places, or all workers as one place, by the worker of rank 0, which stands for its
// place.
std::optional<std::vector<size_t>> PlaceBy(bool one_place, const std::vector<WorkerView>& workers,
                                           const JobView& job, const std::set<size_t>& reserved) {
  std::map<std::string, std::vector<size_t>> by_place;
  for (size_t w = 0; w < workers.size(); ++w) {
    if (Usable(workers[w], job) && !reserved.contains(w))
      by_place[one_place ? PlaceKey(workers[w]) : ""].push_back(w);
  }
  std::optional<std::vector<size_t>> best;
  std::tuple<bool, int64_t> best_cost;
  for (const auto& [place, candidates] : by_place) {
    auto ranks = PlaceAmong(workers, workers, job, candidates);
    if (!ranks.has_value()) continue;
    const WorkerView& first = workers[ranks->front()];
    const std::tuple cost(first.id == job.avoid, -CachedInputs(first, job));
    if (!best.has_value() || cost < best_cost) {
      best = std::move(ranks);
      best_cost = cost;
    }
  }
  return best;
}

std::vector<size_t> IndicesOf(const std::vector<Candidate>& group) {
  std::vector<size_t> indices;
  for (const Candidate& candidate : group) indices.push_back(candidate.worker);
  std::sort(indices.begin(), indices.end());
  return indices;
}

// Several hosts, for a gang that fits on none.
std::optional<std::vector<size_t>> PlaceAcrossHosts(const std::vector<WorkerView>& workers,
                                                    const JobView& job,
                                                    const std::set<size_t>& reserved) {
  std::vector<Candidate> candidates = CandidatesFor(workers, job, Room::kNow);
  std::erase_if(candidates, [&](const Candidate& c) { return reserved.contains(c.worker); });
  const auto group = GroupThatMeets(workers, job, std::move(candidates), job.ranks);
  return PlaceAmong(workers, workers, job, IndicesOf(group));
}

// The workers of the place in which most ranks of the gang fit already, of those that could hold
// all.
std::vector<size_t> OnePlaceToWaitFor(const std::vector<WorkerView>& workers,
                                      const std::vector<WorkerView>& empty, const JobView& job) {
  std::map<std::string, std::vector<size_t>> by_place;
  for (size_t w = 0; w < workers.size(); ++w) {
    if (Usable(workers[w], job)) by_place[job.ranks > 1 ? PlaceKey(workers[w]) : ""].push_back(w);
  }
  std::vector<size_t> best;
  int64_t most_fit = -1;
  for (const auto& [place, candidates] : by_place) {
    int64_t fit = 0;
    for (const size_t w : candidates) fit += RoomNow(workers[w], job);
    std::optional<std::vector<size_t>> ranks = PlaceAmong(empty, workers, job, candidates);
    if (ranks.has_value() && std::min(fit, job.ranks) > most_fit) {
      most_fit = std::min(fit, job.ranks);
      best = std::move(*ranks);
    }
  }
  return best;
}

}  // namespace

std::string PlaceKey(const WorkerView& worker) {
  // The zero byte keeps the pairs ("a", "bc") and ("ab", "c") apart.
  return worker.site + '\0' + worker.host;
}

bool Matches(const WorkerView& worker, const JobView& job) {
  const bool has_it = job.binding == task::Binding::kNothing ||
                      (job.places != nullptr && job.places->contains(worker.id));
  return has_it && MatchesApartFromBound(worker, job);
}

bool MatchesApartFromBound(const WorkerView& worker, const JobView& job) {
  if (!job.site.empty() && worker.site != job.site) return false;
  if (!worker.kinds.empty() &&
      std::find(worker.kinds.begin(), worker.kinds.end(), job.kind) == worker.kinds.end()) {
    return false;
  }
  return RoomOfEmpty(worker, job) > 0;
}

int64_t RoomNow(const WorkerView& worker, const JobView& job) {
  return RanksIn(worker.Free(job.device), worker.memory_bytes - worker.memory_used, worker, job);
}

int64_t RoomOfEmpty(const WorkerView& worker, const JobView& job) {
  return RanksIn(worker.Slots(job.device), worker.memory_bytes, worker, job);
}

void Hold(WorkerView* worker, const JobView& job, int64_t times) {
  worker->Used(job.device) += job.slots * times;
  worker->memory_used += job.memory_bytes * times;
}

std::optional<std::vector<size_t>> Place(const std::vector<WorkerView>& workers, const JobView& job,
                                         const std::set<size_t>& reserved) {
  // A single rank has no peer, so that the search over all workers finds the best one at once.
  if (job.ranks == 1) return PlaceBy(/*one_place=*/false, workers, job, reserved);
  auto in_one_place = PlaceBy(/*one_place=*/true, workers, job, reserved);
  return in_one_place.has_value() ? in_one_place : PlaceAcrossHosts(workers, job, reserved);
}

std::vector<size_t> PlaceToWaitFor(const std::vector<WorkerView>& workers, const JobView& job) {
  std::vector<WorkerView> empty = workers;
  for (WorkerView& worker : empty) worker.cpu_used = worker.gpus_used = worker.memory_used = 0;
  std::vector<size_t> place = OnePlaceToWaitFor(workers, empty, job);
  if (!place.empty() || job.ranks == 1) return place;
  const auto group = GroupThatMeets(workers, job, CandidatesFor(workers, job, Room::kEmpty),
                                    job.ranks);
  return PlaceAmong(empty, workers, job, IndicesOf(group)).value_or(std::vector<size_t>());
}

std::vector<Candidate> CandidatesFor(const std::vector<WorkerView>& workers, const JobView& job,
                                     Room room) {
  std::vector<Candidate> candidates;
  for (size_t w = 0; w < workers.size(); ++w) {
    const WorkerView& worker = workers[w];
    const bool counts = room == Room::kEver
                            ? Matches(worker, job) && !job.excluded.contains(worker.id)
                            : Usable(worker, job);
    const int64_t ranks = room == Room::kNow ? RoomNow(worker, job) : RoomOfEmpty(worker, job);
    if (counts && ranks > 0) candidates.push_back({w, ranks});
  }
  return candidates;
}

int64_t MostGrants(const std::vector<WorkerView>& workers, const JobView& job) {
  int64_t ranks = 0;
  for (const Candidate& candidate : CandidatesFor(workers, job, Room::kNow))
    ranks += candidate.room;
  return ranks / job.ranks;
}

int64_t RanksThatFit(const std::vector<WorkerView>& workers, const JobView& job, Room room) {
  const auto sum = [](const std::vector<Candidate>& group) {
    int64_t ranks = 0;
    for (const Candidate& candidate : group) ranks += candidate.room;
    return ranks;
  };
  const std::vector<Candidate> candidates = CandidatesFor(workers, job, room);
  if (job.ranks == 1) return sum(candidates);
  return sum(GroupThatMeets(workers, job, candidates, job.ranks));
}

}  // namespace braid::scheduler
