#include "pool/agent.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "pool/engine_words.h"
#include "pool/memory.h"

namespace braid::pool {
namespace {

// Pauses after failures of the engine. Batch systems are down for hours at times; ten minutes keep
// the load small and the wait after their return short.
constexpr int64_t kFirstPauseMs = 2'000;
constexpr int64_t kLongestPauseMs = 600'000;

// The words for the pool's engine, as text to put together.
std::string TitleOf(const Settings& settings) {
  return std::string(WordsOfEngine(settings.engine).title);
}

// Words of one event.
std::string JobText(const EngineJob& job) {
  return "job " + job.id + " (" + job.name + ")";
}

}  // namespace

std::string WorkerId(const std::string& pool, const std::string& job, int64_t rank) {
  return pool + "." + job + "." + std::to_string(rank);
}

Agent::Agent(const Settings& settings, const Options& options, int64_t now_ms)
    : settings_(settings), options_(options), list_at_ms_(now_ms) {}

void Agent::Tell(const std::string& what, const std::string& detail) {
  constexpr size_t kMostKept = 200;  // while the coordinator is away
  if (events_.size() >= kMostKept) events_.erase(events_.begin());
  events_.push_back({++last_number_, what, detail});
}

void Agent::SetTrouble(const std::string& what, const std::string& trouble, int64_t now_ms) {
  if (trouble != trouble_) Tell(what, trouble);
  trouble_ = trouble;
  useless_ = false;
  Pause(now_ms);
}

void Agent::Pause(int64_t now_ms) {
  // The bound keeps the shift from overflowing.
  const int64_t doublings = std::min<int64_t>(failures_++, 16);
  paused_until_ms_ = now_ms + std::min(kLongestPauseMs, kFirstPauseMs << doublings);
}

bool Agent::Waits(const Job& job) {
  return job.said.state == "PENDING" && job.came.empty();
}

int64_t Agent::WorkersOfJobs() const {
  int64_t workers = 0;
  for (const auto& [id, job] : jobs_) workers += job.said.workers;
  return workers;
}

std::vector<Supply> Agent::SupplyNow() const {
  std::vector<Supply> supply;
  for (const auto& [id, job] : jobs_) {
    if (job.cancelled) continue;
    Supply one;
    one.coming = std::max<int64_t>(0, job.said.workers - std::ssize(job.came));
    for (const KnownWorker& worker : wanted_.workers) {
      if (job.came.contains(worker.id) && worker.ready && worker.slots_used == 0) ++one.idle;
    }
    supply.push_back(one);
  }
  return supply;
}

std::optional<Agent::Step> Agent::Next(int64_t now_ms) {
  // The list comes first: without it, jobs that exist already would be submitted again. Cancelling
  // comes before submitting, since it frees room below max_workers.
  if (now_ms >= list_at_ms_ && (!listed_ || unsure_ || !jobs_.empty())) return List{};
  if (!listed_ || unsure_) return std::nullopt;
  if (deleting_) return NextDelete(now_ms);
  if (!reachable_) return std::nullopt;
  if (const auto cancel = NextCancel(now_ms)) return cancel;
  return now_ms >= paused_until_ms_ ? NextSubmission() : std::nullopt;
}

// Those that were cancelled are waited for: their workers hand back what they run.
std::optional<Agent::Step> Agent::NextDelete(int64_t now_ms) const {
  if (now_ms < paused_until_ms_) return std::nullopt;
  Cancel cancel{{}, false};
  for (const auto& [id, job] : jobs_) {
    if (!job.cancelled) cancel.ids.push_back(id);
  }
  if (cancel.ids.empty()) return std::nullopt;
  return cancel;
}

std::optional<Agent::Step> Agent::NextSubmission() {
  const int64_t free = settings_.max_workers - WorkersOfJobs();
  for (const Allocation& allocation :
       Missing(AllocationsFor(settings_, wanted_.demands), SupplyNow())) {
    if (allocation.workers <= free) return Submit{allocation};
    if (allocation.workers <= settings_.max_workers) continue;
    // Once for each run: the gang stays in the demand until its run ends.
    if (too_large_told_.insert(allocation.run).second) {
      Tell("trouble", "a gang of run " + allocation.run + " needs " +
                          std::to_string(allocation.workers) +
                          " workers at a time, and the pool has at most " +
                          std::to_string(settings_.max_workers) +
                          ": create it again with a larger --max-workers, or with larger workers "
                          "(--cpus, --gpus)");
    }
  }
  return std::nullopt;
}

// Jobs that wait in the engine's queue although their workers are not needed any more.
std::optional<Agent::Step> Agent::NextCancel(int64_t now_ms) {
  std::vector<Allocation> wanted = AllocationsFor(settings_, wanted_.demands);
  std::vector<std::string> surplus;
  // The oldest serve first, and the idle ones of jobs that run before any that wait.
  std::vector<Supply> running;
  for (const auto& [id, job] : jobs_) {
    if (Waits(job) || job.cancelled) continue;
    Supply one{std::max<int64_t>(0, job.said.workers - std::ssize(job.came)), 0};
    for (const KnownWorker& worker : wanted_.workers) {
      if (job.came.contains(worker.id) && worker.ready && worker.slots_used == 0) ++one.idle;
    }
    running.push_back(one);
  }
  wanted = Missing(std::move(wanted), std::move(running));
  for (const auto& [id, job] : jobs_) {
    if (!Waits(job) || job.cancelled) continue;
    std::vector<Allocation> left = Missing(wanted, {Supply{job.said.workers, 0}});
    if (left.size() == wanted.size())
      surplus.push_back(id);
    else
      wanted = std::move(left);
  }
  if (surplus.empty()) {
    surplus_since_ms_ = -1;
    return std::nullopt;
  }
  if (surplus_since_ms_ < 0) surplus_since_ms_ = now_ms;
  if (now_ms - surplus_since_ms_ < options_.surplus_ms) return std::nullopt;
  surplus_since_ms_ = -1;
  return Cancel{surplus, true};
}

void Agent::OnUnreachable() {
  reachable_ = false;
}

bool Agent::HasReadyWorker(const std::string& id) const {
  const std::string prefix = settings_.name + "." + id + ".";
  return std::any_of(
      wanted_.workers.begin(), wanted_.workers.end(),
      [&](const KnownWorker& worker) { return worker.ready && worker.id.starts_with(prefix); });
}

// Once for each kind of job of a run, and not before others had the time to take them: a pool with
// larger workers, for example.
void Agent::TellLackOfMemory(int64_t now_ms) {
  const auto text = [](int64_t bytes) { return FormatBytes(static_cast<uint64_t>(bytes)); };
  const int64_t has = MemoryOfWorker(settings_);
  std::map<std::pair<std::string, std::string>, int64_t> lacking;
  for (const Demand& demand : wanted_.demands) {
    if (demand.reason == "WAITING_CAPACITY" || !LacksMemory(settings_, demand)) continue;
    const std::pair key(demand.run, demand.requirements.kind);
    const auto before = lacks_memory_.find(key);
    const int64_t since_ms = before == lacks_memory_.end() ? now_ms : before->second;
    const bool tells = since_ms >= 0 && now_ms - since_ms >= options_.lacks_memory_ms;
    lacking[key] = tells ? -1 : since_ms;
    if (!tells) continue;
    Tell("trouble", "each rank of a job of kind " + demand.requirements.kind + " of run " +
                        demand.run + " needs " + text(demand.requirements.memory_bytes) +
                        " of memory, and " +
                        (has == 0 ? "what a worker of this pool has is not known: create the pool "
                                    "again with --memory"
                                  : "a worker of this pool has " + text(has) +
                                        ": create the pool again with more --memory") +
                        ", or leave such jobs to other workers");
  }
  lacks_memory_ = std::move(lacking);
}

void Agent::OnWanted(const Wanted& wanted, int64_t now_ms) {
  wanted_ = wanted;
  reachable_ = true;
  TellLackOfMemory(now_ms);
  // Nothing waits for this pool: what came before was of use.
  if (std::none_of(wanted.demands.begin(), wanted.demands.end(),
                   [&](const Demand& demand) { return Serves(settings_, demand); }))
    failures_ = 0;
  for (const KnownWorker& worker : wanted.workers) {
    // "POOL.JOB.RANK"
    const size_t begin = settings_.name.size() + 1;
    const size_t end = worker.id.rfind('.');
    if (end == std::string::npos || end <= begin) continue;
    const auto job = jobs_.find(worker.id.substr(begin, end - begin));
    if (job == jobs_.end() || !worker.ready) continue;
    if (worker.slots_used > 0) {
      job->second.worked = true;
      failures_ = 0;
    }
    if (!job->second.came.insert(worker.id).second) continue;
    if (!trouble_.empty()) Tell("well", "workers come again");
    trouble_.clear();
    useless_ = false;
  }
}

void Agent::OnListed(const Result<std::vector<EngineJob>>& listed, int64_t now_ms) {
  const int64_t every_ms = std::min<int64_t>(options_.list_every_ms, deleting_ ? 1'000 : 3'600'000);
  list_at_ms_ = now_ms + every_ms;
  if (!listed.ok()) {
    list_failed_ = true;
    SetTrouble("trouble", listed.status().message(), now_ms);
    list_at_ms_ = std::min(list_at_ms_, paused_until_ms_);
    return;
  }
  const bool first = !std::exchange(listed_, true);
  unsure_ = false;
  if (std::exchange(list_failed_, false)) {
    Tell("well", std::string(WordsOfEngine(settings_.engine).answers));
    trouble_.clear();
    failures_ = 0;
    paused_until_ms_ = now_ms;
  }
  std::set<std::string> seen;
  for (const EngineJob& said : *listed) {
    seen.insert(said.id);
    const auto known = jobs_.find(said.id);
    if (said.ended) {
      if (known != jobs_.end()) OnEnded(said.id, said, now_ms);
      continue;
    }
    if (known == jobs_.end() && first) {
      Tell("asked", JobText(said) + " of an earlier agent of this pool is there still");
    }
    Job& job = jobs_[said.id];
    job.said = said;
    // It began before it could be cancelled.
    if (said.state == "RUNNING" && !deleting_) job.cancelled = false;
    TellReason(&job);
  }
  std::vector<std::string> vanished;
  for (const auto& [id, job] : jobs_) {
    // A list may be of another engine, or of one that lost its memory: the worker goes on, and says
    // so.
    if (!seen.contains(id) && !HasReadyWorker(id)) vanished.push_back(id);
  }
  for (const std::string& id : vanished) {
    EngineJob said = jobs_.at(id).said;
    said.state = WordsOfEngine(settings_.engine).vanished;
    said.advice = WordsOfEngine(settings_.engine).vanished_advice;
    said.reason.clear();
    OnEnded(id, said, now_ms);
  }
}

void Agent::TellReason(Job* job) {
  const EngineJob& said = job->said;
  if (said.state != "PENDING" || said.reason == job->reason_told || said.advice.empty()) return;
  job->reason_told = said.reason;
  const std::string where(WordsOfEngine(settings_.engine).where);
  Tell("waits", JobText(said) + " waits " + where + " (" + said.reason + "): " + said.advice);
}

void Agent::OnEnded(const std::string& id, const EngineJob& said, int64_t now_ms) {
  const Job job = std::move(jobs_.extract(id).mapped());
  for (int64_t rank = 0; rank < said.workers; ++rank)
    gone_.push_back({WorkerId(settings_.name, id, rank),
                     "job " + id + " of " + TitleOf(settings_) + " is " + said.state});
  const bool completed = said.state == "COMPLETED";
  if (job.cancelled || (completed && job.worked)) return;
  if (completed) return OnUseless(job, said, now_ms);
  Tell("ended", JobText(said) + " ended as " + said.state + ": " + said.advice);
  // What runs out of time or gives way to others did its work. What somebody cancels, or never
  // came, is not asked for again at once.
  const bool cancelled = said.state.starts_with("CANCELLED");
  if (job.came.empty() || cancelled || said.state == "FAILED") Pause(now_ms);
}

// Its workers left by themselves, and were of no use.
void Agent::OnUseless(const Job& job, const EngineJob& said, int64_t now_ms) {
  // One that came may only have been too late.
  if (!job.came.empty()) return Pause(now_ms);
  SetTrouble("ended",
             JobText(said) +
                 " has ended, and none of its workers has reached the coordinator: can "
                 "workers reach it from where they run? " +
                 said.advice,
             now_ms);
  useless_ = true;
}

void Agent::OnSubmitted(const Allocation& allocation, const Submission& submission,
                        int64_t now_ms) {
  switch (submission.kind) {
    case Submission::Kind::kAccepted: {
      Job job;
      job.said = {submission.id, submission.name, allocation.workers, allocation.run, "PENDING"};
      jobs_[submission.id] = job;
      Tell("asked", JobText(job.said) + " for " + std::to_string(allocation.workers) +
                        (allocation.workers == 1 ? " worker" : " workers"));
      // Soon, so that the reason of a job that waits is known. While there was no job, the list was
      // not read.
      const int64_t soon_ms = now_ms + std::min<int64_t>(options_.list_every_ms, 5'000);
      list_at_ms_ = jobs_.size() == 1 ? soon_ms : std::min(list_at_ms_, soon_ms);
      if (useless_) return;
      if (!trouble_.empty()) Tell("well", std::string(WordsOfEngine(settings_.engine).takes));
      trouble_.clear();
      return;
    }
    // Of a "no" that came after a time-out, too, the list says whether there is a job.
    case Submission::Kind::kRefused:
    case Submission::Kind::kUnknown:
      unsure_ = true;
      SetTrouble(submission.kind == Submission::Kind::kRefused ? "refused" : "trouble",
                 submission.error, now_ms);
      list_at_ms_ = paused_until_ms_;
      return;
  }
}

void Agent::OnCancelled(const Cancel& cancel, const Status& status, int64_t now_ms) {
  list_at_ms_ = std::min(list_at_ms_, now_ms + std::min<int64_t>(options_.list_every_ms, 1'000));
  if (!status.ok()) return SetTrouble("trouble", status.message(), now_ms);
  for (const std::string& id : cancel.ids) {
    const auto job = jobs_.find(id);
    // One that has begun to run goes on.
    if (job != jobs_.end())
      job->second.cancelled = !cancel.waiting_only || job->second.came.empty();
  }
}

void Agent::Delete() {
  deleting_ = true;
  paused_until_ms_ = 0;
  for (auto& [id, job] : jobs_) job.cancelled = false;
  Tell("deleted", "its jobs are ended, with checkpoints");
  if (listed_ && !jobs_.empty()) list_at_ms_ = 0;
}

std::vector<EngineJob> Agent::jobs() const {
  std::vector<EngineJob> jobs;
  for (const auto& [id, job] : jobs_) jobs.push_back(job.said);
  return jobs;
}

void Agent::OnReported(size_t events, size_t gone) {
  events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(events));
  gone_.erase(gone_.begin(), gone_.begin() + static_cast<std::ptrdiff_t>(gone));
}

}  // namespace braid::pool
