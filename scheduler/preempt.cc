#include "scheduler/preempt.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "scheduler/placement.h"

namespace braid::scheduler {
namespace {

// So many are named that a job waits for.
constexpr size_t kMostNames = 3;

int64_t SlotsOf(const RunningView& running) {
  return running.slots * static_cast<int64_t>(running.workers.size());
}

// Slots are those of a device; memory is that of all.
bool HoldsWhatItNeeds(const RunningView& running, const JobView& job) {
  return running.device == job.device || (running.memory_bytes > 0 && job.memory_bytes > 0);
}

// Counts a worker that has lost its connection as there, with nothing free but what is being
// stopped on it.
void WaitFor(WorkerView* worker) {
  if (worker->connected || !worker->disconnected) return;
  worker->connected = true;
  worker->cpu_used = std::max(worker->cpu_used, worker->cpu_slots);
  worker->gpus_used = std::max(worker->gpus_used, worker->gpus);
  worker->memory_used = std::max(worker->memory_used, worker->memory_bytes);
}

}  // namespace

PreemptibleSlots::PreemptibleSlots(const std::vector<RunningView>& running) {
  for (const RunningView& one : running) {
    lowest_ = lowest_.has_value() ? std::min(*lowest_, one.priority) : one.priority;
    Amounts& amounts = one.stopping ? stopping_[one.device] : running_[one.device][one.priority];
    amounts.slots += SlotsOf(one);
    if (one.memory_bytes == 0) continue;
    const auto ranks = static_cast<int64_t>(one.workers.size());
    amounts.memory_bytes += one.memory_bytes * ranks;
    amounts.ranks_with_memory += ranks;
  }
}

// Each job needs at least one of the slots, or memory of ranks of either device: together with what
// is left beside it, that of a rank may be enough for one job more than it is alone.
int64_t PreemptibleSlots::JobsFor(const Amounts& amounts, Device device,
                                  const task::Requirements& job) {
  return (device == job.device ? amounts.slots : 0) +
         (job.memory_bytes == 0
              ? 0
              : amounts.memory_bytes / job.memory_bytes + amounts.ranks_with_memory);
}

int64_t PreemptibleSlots::MostJobs(const task::Requirements& job, int64_t priority) const {
  if (!lowest_.has_value() || priority <= *lowest_) return 0;
  int64_t jobs = 0;
  for (const auto& [device, amounts] : stopping_) jobs += JobsFor(amounts, device, job);
  for (const auto& [device, by_priority] : running_) {
    for (auto it = by_priority.begin(); it != by_priority.lower_bound(priority); ++it)
      jobs += JobsFor(it->second, device, job);
  }
  return jobs;
}

Preemptor::Preemptor(const Snapshot& snapshot) : running_(snapshot.running) {
  if (running_.empty()) return;
  later_ = snapshot.workers;
  may_stop_ = !snapshot.recovering;
  stopping_.resize(running_.size());
  on_.resize(later_.size());
  lowest_priority_ = running_[0].priority;
  for (size_t i = 0; i < running_.size(); ++i) {
    order_.push_back(i);
    stopping_[i] = running_[i].stopping;
    lowest_priority_ = std::min(lowest_priority_, running_[i].priority);
    if (!stopping_[i]) continue;
    // A job for which something is being stopped there waits for the worker to come back.
    for (const size_t w : running_[i].workers) WaitFor(&later_[w]);
    Free(i, 1);
  }
  std::sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
    const auto rank = [&](const RunningView& one) {
      return std::tuple(one.priority, one.preemptions, one.unsaved, -one.granted_wall_ms, one.name);
    };
    return rank(running_[a]) < rank(running_[b]);
  });
  for (size_t position = 0; position < order_.size(); ++position) {
    const std::vector<size_t>& workers = running_[order_[position]].workers;
    for (const size_t w : std::set<size_t>(workers.begin(), workers.end()))
      on_[w].push_back(position);
  }
}

// Counts the slots and the memory of an attempt as free (`times` 1), or as taken again (-1).
void Preemptor::Free(size_t running, int64_t times) {
  const RunningView& one = running_[running];
  for (const size_t w : one.workers) {
    later_[w].Used(one.device) -= one.slots * times;
    later_[w].memory_used -= one.memory_bytes * times;
  }
}

void Preemptor::FreeAll(const Positions& stop, int64_t times) {
  for (const size_t position : stop) Free(order_[position], times);
}

void Preemptor::Take(const JobView& job, const std::vector<size_t>& workers) {
  if (running_.empty()) return;
  for (const size_t w : workers) Hold(&later_[w], job, 1);
}

bool Preemptor::MayStop(size_t running, const JobView& job) const {
  const RunningView& one = running_[running];
  return !stopping_[running] && one.priority < job.priority && HoldsWhatItNeeds(one, job);
}

bool Preemptor::FitsOn(const std::vector<size_t>& workers, const JobView& job) const {
  int64_t ranks = 0;
  for (const size_t w : workers) ranks += RoomNow(later_[w], job);
  return ranks >= job.ranks;
}

// Workers that can meet, with room for the gang; or with less, if there is none.
std::vector<Candidate> Preemptor::GroupFor(const JobView& job,
                                           const std::set<size_t>& reserved) const {
  std::vector<Candidate> candidates = CandidatesFor(later_, job, Room::kNow);
  std::erase_if(candidates, [&](const Candidate& c) { return reserved.contains(c.worker); });
  return GroupThatMeets(later_, job, std::move(candidates), job.ranks);
}

// What may be stopped on these workers, in order.
Preemptor::Positions Preemptor::MayStopOn(const std::vector<size_t>& workers,
                                          const JobView& job) const {
  Positions found;
  for (const size_t w : workers) {
    for (const size_t position : on_[w]) {
      if (MayStop(order_[position], job)) found.push_back(position);
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  const auto rank = [&](size_t position) {
    const RunningView& one = running_[order_[position]];
    const int64_t beyond = std::max<int64_t>(0, SlotsOf(one) - job.slots * job.ranks);
    return std::tuple(one.priority, beyond, position);
  };
  std::sort(found.begin(), found.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });
  return found;
}

// The shortest beginning of `may_stop` that makes the job fit; empty if all of it is not enough.
template <class Fits>
Preemptor::Positions Preemptor::Enough(const Positions& may_stop, const Fits& fits) {
  const auto fits_after = [&](size_t count) {
    const Positions stop(may_stop.begin(), may_stop.begin() + static_cast<std::ptrdiff_t>(count));
    FreeAll(stop, 1);
    const bool enough = fits();
    FreeAll(stop, -1);
    return enough;
  };
  size_t too_few = 0, enough = may_stop.size();
  if (!fits_after(enough)) return {};
  while (enough - too_few > 1) {
    const size_t middle = too_few + (enough - too_few) / 2;
    (fits_after(middle) ? enough : too_few) = middle;
  }
  return {may_stop.begin(), may_stop.begin() + static_cast<std::ptrdiff_t>(enough)};
}

// Those of `stop`, which are enough, without which the job does not fit. The dearest are left out
// first.
template <class Fits>
Preemptor::Positions Preemptor::Needed(Positions stop, const Fits& fits) {
  FreeAll(stop, 1);
  for (size_t i = stop.size(); i-- > 0;) {
    Free(order_[stop[i]], -1);
    if (fits())
      stop.erase(stop.begin() + static_cast<std::ptrdiff_t>(i));
    else
      Free(order_[stop[i]], 1);
  }
  FreeAll(stop, -1);
  return stop;
}

Preemptor::Positions Preemptor::InOnePlace(const JobView& job, const std::set<size_t>& reserved) {
  std::map<std::string, std::vector<size_t>> places;
  for (const Candidate& one : CandidatesFor(later_, job, Room::kEmpty)) {
    if (reserved.contains(one.worker)) continue;
    const WorkerView& worker = later_[one.worker];
    places[job.ranks > 1 ? PlaceKey(worker) : worker.id].push_back(one.worker);
  }
  Positions best;
  std::tuple<int64_t, int64_t, size_t, int64_t, int64_t> best_cost;
  for (const auto& [place, workers] : places) {
    const auto fits = [&] { return FitsOn(workers, job); };
    const Positions stop = Needed(Enough(MayStopOn(workers, job), fits), fits);
    if (stop.empty()) continue;
    int64_t slots = 0, before = 0, lost = 0;
    for (const size_t position : stop) {
      const RunningView& one = running_[order_[position]];
      slots += SlotsOf(one);
      before += one.preemptions;
      lost += one.unsaved;
    }
    const std::tuple cost(running_[order_[stop.back()]].priority, slots, stop.size(), before, lost);
    if (best.empty() || cost < best_cost) {
      best = stop;
      best_cost = cost;
    }
  }
  return best;
}

Preemptor::Positions Preemptor::AcrossHosts(const JobView& job, const std::set<size_t>& reserved) {
  std::vector<size_t> workers;
  for (const Candidate& one : CandidatesFor(later_, job, Room::kEmpty)) {
    if (!reserved.contains(one.worker)) workers.push_back(one.worker);
  }
  const auto fits = [&] {
    int64_t ranks = 0;
    for (const Candidate& one : GroupFor(job, reserved)) ranks += one.room;
    return ranks >= job.ranks;
  };
  const Positions enough = Enough(MayStopOn(workers, job), fits);
  // Of many hosts, most have nothing to do with the group.
  FreeAll(enough, 1);
  std::vector<size_t> group;
  for (const Candidate& one : GroupFor(job, reserved)) group.push_back(one.worker);
  FreeAll(enough, -1);
  const Positions there = MayStopOn(group, job);
  Positions stop;
  std::copy_if(enough.begin(), enough.end(), std::back_inserter(stop), [&](size_t position) {
    return std::find(there.begin(), there.end(), position) != there.end();
  });
  return Needed(std::move(stop), fits);
}

std::string Preemptor::WaitsFor(const JobView& job, const std::vector<size_t>& workers) const {
  std::set<size_t> positions;
  for (const size_t w : workers) positions.insert(on_[w].begin(), on_[w].end());
  std::vector<std::string> names;
  int64_t until_ms = 0;
  for (const size_t position : positions) {
    const RunningView& one = running_[order_[position]];
    if (!stopping_[order_[position]] || !HoldsWhatItNeeds(one, job)) continue;
    names.push_back(one.name);
    until_ms = std::max(until_ms, one.stops_until_wall_ms);
  }
  const size_t all = names.size();
  if (all > kMostNames) {
    names.resize(kMostNames);
    names.push_back(std::to_string(all - kMostNames) + " more");
  }
  const bool one = all == 1;
  return "it waits for " + Join(names, ", ") + " to stop" +
         (until_ms == 0
              ? ""
              : std::string(", which ") + (one ? "is" : "are") + " killed at " +
                    FormatUtc(until_ms) + " if " + (one ? "it has" : "they have") + " not by then");
}

std::optional<Preemption> Preemptor::MakeRoom(const JobView& job,
                                              const std::set<size_t>& reserved) {
  if (running_.empty() || !job.preempts || job.priority <= lowest_priority_) return std::nullopt;
  Preemption made;
  auto workers = Place(later_, job, reserved);
  if (!workers.has_value()) {
    if (!may_stop_) return std::nullopt;
    Positions stop = InOnePlace(job, reserved);
    if (stop.empty() && job.ranks > 1) stop = AcrossHosts(job, reserved);
    const auto stops = stops_ + static_cast<int64_t>(stop.size());
    // A gang of more than may be stopped in one pass is the only one in its pass.
    if (stop.empty() || (stops_ > 0 && stops > kMostStopsInAPass)) return std::nullopt;
    FreeAll(stop, 1);
    workers = Place(later_, job, reserved);
    if (!workers.has_value()) {
      FreeAll(stop, -1);
      return std::nullopt;
    }
    stops_ = stops;
    for (const size_t position : stop) {
      made.stop.push_back(order_[position]);
      stopping_[order_[position]] = true;
    }
  }
  Take(job, *workers);
  made.workers = std::move(*workers);
  made.waits_for = WaitsFor(job, made.workers);
  return made;
}

}  // namespace braid::scheduler
