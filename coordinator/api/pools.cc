#include "coordinator/api/pools.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/excerpt.h"
#include "coordinator/core/leaving.h"
#include "coordinator/core/pass.h"

namespace braid::coordinator {
namespace {

// An agent that has been silent for so long may be replaced by another one.
constexpr int64_t kAgentSilentMs = 30'000;
constexpr size_t kMaxEventBytes = 1000;
// The events that one report may add, so that a faulty agent cannot flood the catalog.
constexpr size_t kMaxEvents = 100;

bool WorkersWouldHelp(const PendingView& pending) {
  switch (pending.reason) {
    case scheduler::Reason::kWaitingCapacity:
    case scheduler::Reason::kNoMatchingWorker:
    case scheduler::Reason::kDataSiteOffline:
    case scheduler::Reason::kGangIncomplete:
    case scheduler::Reason::kWorkerExcluded:
    case scheduler::Reason::kWorkerQuarantined:
      return true;
    // None of the workers that there are could run it: a pool may have others.
    case scheduler::Reason::kUnschedulable:
      return !pending.detail.starts_with(kNotGranted);
    default:
      return false;
  }
}

bool IsPoolName(const std::string& name) {
  constexpr size_t kLongest = 40;
  return !name.empty() && name.size() <= kLongest &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

bool IsWordOfEvent(const std::string& what) {
  static const std::set<std::string> kWords = {"asked",   "refused", "ended",  "waits",
                                               "trouble", "well",    "deleted"};
  return kWords.contains(what);
}

}  // namespace

std::vector<task::Demand> DemandsOf(const State& state) {
  std::vector<task::Demand> demands;
  const JobQueue& queue = state.queued();
  for (const auto& [requirements, group] : queue.groups()) {
    const auto pending = state.pending.groups.find(requirements);
    if (pending == state.pending.groups.end() || !WorkersWouldHelp(pending->second) ||
        group.lines.empty() || group.lines.begin()->second.empty())
      continue;
    const size_t jobs = state.pending.WithReasonOf(requirements, group.jobs);
    demands.push_back({requirements, static_cast<int64_t>(jobs),
                       braid::NameOf(pending->second.reason),
                       group.lines.begin()->second.begin()->run});
  }
  for (const JobKey& key : queue.singles()) {
    const auto pending = state.pending.jobs.find(key);
    const JobRecord* job = state.FindJob(key);
    if (pending == state.pending.jobs.end() || job == nullptr || !WorkersWouldHelp(pending->second))
      continue;
    // Workers of pools leave for good, and what such a job makes is to stay.
    if (task::MakesBound(job->binding)) continue;
    const task::Requirements& requirements = *job;
    const auto same = std::find_if(demands.begin(), demands.end(), [&](const task::Demand& demand) {
      return demand.requirements == requirements;
    });
    if (same != demands.end()) {
      ++same->jobs;
    } else {
      demands.push_back({requirements, 1, braid::NameOf(pending->second.reason), key.run});
    }
  }
  return demands;
}

std::vector<PoolWorker> WorkersOf(const std::string& pool, const State& state) {
  const std::string prefix = pool + ".";
  std::vector<PoolWorker> found;
  const auto& workers = state.image().workers;
  for (auto it = workers.lower_bound(prefix); it != workers.end() && it->first.starts_with(prefix);
       ++it) {
    if (!it->second.ephemeral) continue;
    const auto live = state.workers.find(it->first);
    const bool ready = live != state.workers.end() &&
                       live->second.link == scheduler::Link::kReady && !live->second.draining &&
                       !live->second.quarantined && it->second.admit == catalog::WorkerAdmit::kOpen;
    const scheduler::SlotAmounts held = state.indices().HeldOf(it->first);
    found.push_back({it->first, ready, held.cpu_slots + held.gpus});
  }
  return found;
}

Status PoolTable::Take(const PoolReport& report, Transaction& tx) {
  const std::string& name = report.pool.name;
  if (!IsPoolName(name)) {
    return InvalidArgument("\"" + Excerpt(name, 60) +
                           "\" is no name of a pool: 1 to 40 of a-z, 0-9, - and _");
  }
  if (report.agent_id.empty()) return InvalidArgument("pool " + name + ": its agent needs an id");
  const auto known = entries_.find(name);
  const bool same = known != entries_.end() && known->second.agent_id == report.agent_id;
  // In one folder there is one agent at a time, which holds its lock: the earlier one is gone.
  const bool elsewhere = known != entries_.end() && !same &&
                         (known->second.pool.host != report.pool.host ||
                          known->second.pool.folder != report.pool.folder);
  if (elsewhere && tx.now_ms() - known->second.last_seen_ms < kAgentSilentMs) {
    return AlreadyExists("pool " + name + " is served on " + known->second.pool.host + " in " +
                         known->second.pool.folder +
                         ": end that agent first, or give this pool another name");
  }
  Entry entry{report.pool, report.agent_id, tx.now_ms(), tx.wall_ms(),
              same ? known->second.last_event : 0};
  size_t written = 0;
  for (const PoolEvent& event : report.events) {
    if (event.number <= entry.last_event) continue;
    if (++written > kMaxEvents) break;
    if (!IsWordOfEvent(event.what))
      return InvalidArgument("pool " + name + ": there is no event " + Excerpt(event.what, 40));
    entry.last_event = event.number;
    tx.Add(catalog::PoolReported{name, event.what, Excerpt(event.detail, kMaxEventBytes)});
  }
  for (const GoneWorker& gone : report.gone) {
    if (gone.id.starts_with(name + "."))
      DeclareGone(gone.id, Excerpt(gone.why, kMaxEventBytes), tx);
  }
  tx.Later([this, name, deleted = report.deleted, entry = std::move(entry)]() mutable {
    if (deleted)
      entries_.erase(name);
    else
      entries_[name] = std::move(entry);
  });
  return OkStatus();
}

}  // namespace braid::coordinator
