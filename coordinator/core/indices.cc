#include "coordinator/core/indices.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "scheduler/critical_path.h"
#include "scheduler/time_limit.h"
#include "task/artifact.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;
using catalog::AttemptKey;
using catalog::AttemptRecord;
using catalog::Image;
using catalog::JobKey;
using catalog::JobRecord;
using catalog::JobState;
using catalog::RunRecord;

// Floating-point operations that are added to each job's estimate. A job without an estimate costs
// a little then, so that a longer chain of such jobs still comes before a shorter one.
constexpr double kMinCost = 1e6;

using Rows = Indices::Rows;

// When the job has had workers for as long as it may, if the attempt goes on.
int64_t DeadlineOf(const JobRecord& job, const AttemptRecord& attempt, const Image& image) {
  std::vector<scheduler::Held> before;
  for (auto it = image.attempts.lower_bound({job.key.run, job.key.job, 0});
       it != image.attempts.end() && it->first < attempt.key; ++it)
    before.push_back({it->second.granted_ms, it->second.ended_ms});
  return scheduler::TimeIsUpAtMs(job.max_duration_s, before, attempt.granted_ms);
}

// The rows that an update changes, adds or removes.
struct RowsFinder {
  const Image& image;

  static Rows Run(const std::string& id) { return {{id}, {}, {}, {}}; }
  Rows WithJobs(const std::string& id) const {
    Rows rows = Indices::RowsOfRun(id, image);
    rows.attempts.clear();
    return rows;
  }
  static Rows Job(const JobKey& key) { return {{}, {key}, {}, {}}; }
  static Rows Attempt(const AttemptKey& key) { return {{}, {}, {key}, {}}; }
  static Rows Artifact(const std::string& id) { return {{}, {}, {}, {id}}; }

  Rows operator()(const catalog::RunCreated& u) const { return Run(u.run.id); }
  // Which of its jobs are in the queue depends on whether it is paused.
  Rows operator()(const catalog::RunPaused& u) const { return WithJobs(u.run); }
  Rows operator()(const catalog::RunResumed& u) const { return WithJobs(u.run); }
  Rows operator()(const catalog::RunEnded& u) const { return Run(u.run); }
  Rows operator()(const catalog::JobCreated& u) const { return Job(u.job.key); }
  Rows operator()(const catalog::JobQueued& u) const { return Job(u.job); }
  Rows operator()(const catalog::JobRequeued& u) const { return Job(u.attempt.Job()); }
  Rows operator()(const catalog::JobCancelling& u) const { return Job(u.job); }
  Rows operator()(const catalog::JobEnded& u) const { return Job(u.job); }
  Rows operator()(const catalog::AttemptGranted& u) const {
    return {{}, {u.attempt.key.Job()}, {u.attempt.key}, {}};
  }
  Rows operator()(const catalog::AttemptStarted& u) const { return Attempt(u.attempt); }
  Rows operator()(const catalog::AttemptStopping& u) const { return Attempt(u.attempt); }
  Rows operator()(const catalog::AttemptEnded& u) const { return Attempt(u.attempt); }
  Rows operator()(const catalog::CheckpointCommitted& u) const { return Job(u.attempt.Job()); }
  Rows operator()(const catalog::ArtifactCommitted& u) const { return Artifact(u.artifact.id); }
  Rows operator()(const catalog::ArtifactRemoved& u) const { return Artifact(u.artifact); }
  Rows operator()(const catalog::RunDeleted& u) const { return Indices::RowsOfRun(u.run, image); }
  // Nothing of these is in an index.
  template <class Other>
  Rows operator()(const Other&) const {
    return {};
  }
};

template <typename Map>
const typename Map::mapped_type* Find(const Map& rows, const typename Map::key_type& key) {
  const auto it = rows.find(key);
  return it == rows.end() ? nullptr : &it->second;
}

// Adds to a number of which zero is the same as not being there.
template <typename Map>
void AddCount(Map& counts, const typename Map::key_type& key, int64_t by) {
  const auto it = counts.try_emplace(key, 0).first;
  it->second += by;
  if (it->second == 0) counts.erase(it);
}

// Adds to a set, or takes away (`by` -1).
template <typename Set>
void AddTo(Set& values, const typename Set::value_type& value, int64_t by) {
  if (by > 0) {
    values.insert(value);
  } else {
    values.erase(value);
  }
}

// The same for one of several sets, of which an empty one is not there.
template <typename Map>
void AddToOne(Map& sets, const typename Map::key_type& key,
              const typename Map::mapped_type::value_type& value, int64_t by) {
  const auto it = sets.try_emplace(key).first;
  AddTo(it->second, value, by);
  if (it->second.empty()) sets.erase(it);
}

void AddSlots(std::map<std::string, scheduler::SlotAmounts>& held, const std::string& name,
              const JobRecord& job, int64_t by) {
  scheduler::SlotAmounts& amounts = held[name];
  amounts.Of(job.device) += by * job.slots;
  amounts.memory_bytes += by * job.memory_bytes;
  if (amounts == scheduler::SlotAmounts()) held.erase(name);
}

// For each job of the run, by its position, the cost of the longest chain from it to the end of the
// run, which orders jobs of one run: those on the critical path go first.
std::vector<double> CostsOf(const std::string& run, const Image& image) {
  std::vector<const JobRecord*> jobs;
  for (auto it = image.jobs.lower_bound({run, ""}); it != image.jobs.end() && it->first.run == run;
       ++it)
    jobs.push_back(&it->second);
  std::sort(jobs.begin(), jobs.end(),
            [](const auto* a, const auto* b) { return a->position < b->position; });
  std::map<std::string, size_t> index;
  std::vector<scheduler::PathNode> nodes;
  for (const JobRecord* job : jobs) {
    scheduler::PathNode node;
    node.cost = kMinCost + job->flops / static_cast<double>(job->ranks * job->slots);
    node.done = Ended(job->state);
    for (const std::string& parent : job->parents) {
      const auto at = index.find(parent);
      if (at != index.end()) node.parents.push_back(at->second);
    }
    index[job->key.job] = nodes.size();
    nodes.push_back(std::move(node));
  }
  const std::vector<double> costs = scheduler::CostToEnd(nodes);
  std::vector<double> by_position(jobs.empty() ? 0 : static_cast<size_t>(jobs.back()->position) + 1,
                                  0.0);
  for (size_t i = 0; i < jobs.size(); ++i)
    by_position[static_cast<size_t>(jobs[i]->position)] = costs[i];
  return by_position;
}

// The run whose critical paths the update may change: a new job makes them longer, and one that
// ends without success makes them shorter. A success does not, as nothing that is queued comes
// before it.
const std::string* ReorderedRun(const catalog::Update& update) {
  if (const auto* created = std::get_if<catalog::JobCreated>(&update)) return &created->job.key.run;
  if (const auto* ended = std::get_if<catalog::JobEnded>(&update))
    return ended->state == JobState::kSucceeded ? nullptr : &ended->job.run;
  return nullptr;
}

}  // namespace

int64_t DeadlineOf(const RunRecord& run) {
  if (run.paused_ms > 0) return INT64_MAX;
  return scheduler::TimeIsUpAtMs(run.max_duration_s, {}, run.created_ms + run.paused_before_ms);
}

bool IsProgress(const ArtifactRecord& artifact) {
  return IsNameOf(artifact.role, task::ArtifactKind::kCheckpoint) && !artifact.made_by.run.empty();
}

void Indices::Rebuild(const Image& image) {
  *this = Indices();
  for (const auto& [id, run] : image.runs) Count(run, 1);
  for (const auto& [key, job] : image.jobs) Count(job, image, 1);
  for (const auto& [key, attempt] : image.attempts) Count(attempt, image, 1);
  for (const auto& [id, artifact] : image.artifacts) Count(artifact, 1);
}

void Indices::Settle(const Image& image) {
  for (const std::string& run : std::exchange(unsettled_, {})) OrderAgain(run, image);
}

Indices::Rows Indices::RowsOfRun(const std::string& run, const Image& image) {
  Rows rows{{run}, {}, {}, {}};
  for (auto it = image.jobs.lower_bound({run, ""}); it != image.jobs.end() && it->first.run == run;
       ++it)
    rows.jobs.push_back(it->first);
  for (auto it = image.attempts.lower_bound({run, "", 0});
       it != image.attempts.end() && it->first.run == run; ++it)
    rows.attempts.push_back(it->first);
  return rows;
}

void Indices::TakeOut(const catalog::Update& update, const Image& image) {
  TakeOut(std::visit(RowsFinder{image}, update), image);
}

void Indices::PutIn(const catalog::Update& update, const Image& image) {
  // Jobs stand in the queue by the critical paths of their run.
  if (const std::string* run = ReorderedRun(update)) unsettled_.insert(*run);
  PutIn(std::visit(RowsFinder{image}, update), image);
}

void Indices::NoteTakenBack(const catalog::Update& update) {
  if (const auto* ended = std::get_if<catalog::JobEnded>(&update))
    unsettled_.insert(ended->job.run);
}

// What a row stands for may depend on rows before it in this order: a job's place in the queue on
// its run, an attempt's slots on its job.
void Indices::TakeOut(const Rows& rows, const Image& image) {
  for (const AttemptKey& key : rows.attempts) {
    if (const AttemptRecord* attempt = Find(image.attempts, key)) Count(*attempt, image, -1);
  }
  for (const JobKey& key : rows.jobs) {
    if (const JobRecord* job = Find(image.jobs, key)) Count(*job, image, -1);
  }
  for (const std::string& id : rows.runs) {
    if (const RunRecord* run = Find(image.runs, id)) Count(*run, -1);
  }
  for (const std::string& id : rows.artifacts) {
    if (const ArtifactRecord* artifact = Find(image.artifacts, id)) Count(*artifact, -1);
  }
}

void Indices::PutIn(const Rows& rows, const Image& image) {
  for (const std::string& id : rows.runs) {
    if (const RunRecord* run = Find(image.runs, id)) Count(*run, 1);
  }
  for (const JobKey& key : rows.jobs) {
    if (const JobRecord* job = Find(image.jobs, key)) Count(*job, image, 1);
  }
  for (const AttemptKey& key : rows.attempts) {
    if (const AttemptRecord* attempt = Find(image.attempts, key)) Count(*attempt, image, 1);
  }
  for (const std::string& id : rows.artifacts) {
    if (const ArtifactRecord* artifact = Find(image.artifacts, id)) Count(*artifact, 1);
  }
}

void Indices::Count(const RunRecord& run, int64_t by) {
  AddToOne(runs_named_, run.name, {run.created_ms, run.id}, by);
  AddCount(counts_.runs, run.state, by);
  for (const auto& [name, artifact] : run.sources) CountUse(artifact, by);
  if (by < 0 || Ended(run.state)) costs_.erase(run.id);
  if (run.max_duration_s > 0 && run.paused_ms == 0 && !Ended(run.state))
    AddTo(run_deadlines_, {DeadlineOf(run), run.id}, by);
}

void Indices::Count(const JobRecord& job, const Image& image, int64_t by) {
  AddCount(counts_.jobs, {job.kind, static_cast<int>(job.state)}, by);
  AddCount(jobs_in_, job.key.run, by);
  for (const auto& [role, source] : job.input_sources) CountUse(source.artifact, by);
  for (const auto& [role, artifact] : job.inputs) CountUse(artifact, by);
  for (const auto& [role, artifact] : job.outputs) CountUse(artifact, by);
  CountUse(job.checkpoint, by);
  if (Ended(job.state)) return;
  AddCount(unended_in_, job.key.run, by);
  if (job.ranks > 1) AddTo(gangs_, job.key, by);
  if (job.binding != task::Binding::kNothing) AddTo(with_binding_, job.key, by);
  AddCount(unended_of_site_, job.site, by);
  const RunRecord* run = Find(image.runs, job.key.run);
  if (run == nullptr) return;
  AddCount(unended_of_user_, run->user, by);
  if (job.state != JobState::kQueued || run->paused_ms > 0) return;
  if (by > 0) {
    queued_.Add(job, *run, unsettled_.contains(run->id) ? 0 : CostOf(job, image));
  } else {
    queued_.Remove(job, *run);
  }
}

// Slots follow from the live attempts, and from nothing else.
void Indices::Count(const AttemptRecord& attempt, const Image& image, int64_t by) {
  AddCount(counts_.attempts, {attempt.failure.category, static_cast<int>(attempt.state)}, by);
  if (Ended(attempt.state)) return;
  AddTo(live_, attempt.key, by);
  const JobRecord* job = Find(image.jobs, attempt.key.Job());
  if (job != nullptr && job->max_duration_s > 0)
    AddTo(attempt_deadlines_, {DeadlineOf(*job, attempt, image), attempt.key}, by);
  const RunRecord* run = Find(image.runs, attempt.key.run);
  for (const std::string& worker : attempt.workers) {
    AddToOne(live_on_, worker, attempt.key, by);
    if (job == nullptr || run == nullptr) continue;
    AddSlots(held_of_, worker, *job, by);
    AddSlots(held_by_, run->user, *job, by);
  }
}

void Indices::Count(const ArtifactRecord& artifact, int64_t by) {
  if (!artifact.made_by.run.empty())
    AddToOne(made_by_, artifact.made_by.run, {artifact.created_ms, artifact.id}, by);
  counts_.Count(artifact, by);
  if (artifact.removed_ms > 0) return;
  if (IsProgress(artifact)) {
    AddToOne(checkpoints_, artifact.made_by.Job(),
             {artifact.made_by.epoch, artifact.created_ms, artifact.id}, by);
  }
}

void Indices::CountUse(const std::string& artifact, int64_t by) {
  if (!artifact.empty()) AddCount(uses_, artifact, by);
}

double Indices::CostOf(const JobRecord& job, const Image& image) {
  const auto [known, is_new] = costs_.try_emplace(job.key.run);
  if (is_new) known->second = CostsOf(job.key.run, image);
  const auto at = static_cast<size_t>(job.position);
  return at < known->second.size() ? known->second[at] : 0;
}

void Indices::OrderAgain(const std::string& run, const Image& image) {
  costs_.erase(run);
  std::vector<JobKey> waiting;
  for (auto it = queued_.costs().lower_bound({run, ""});
       it != queued_.costs().end() && it->first.run == run; ++it)
    waiting.push_back(it->first);
  const RunRecord* record = Find(image.runs, run);
  for (const JobKey& key : waiting) {
    const JobRecord* job = Find(image.jobs, key);
    if (job == nullptr || record == nullptr) continue;
    queued_.Remove(*job, *record);
    queued_.Add(*job, *record, CostOf(*job, image));
  }
}

const std::set<AttemptKey>& Indices::LiveOn(const std::string& worker) const {
  static const std::set<AttemptKey> none;
  const auto* found = Find(live_on_, worker);
  return found == nullptr ? none : *found;
}

scheduler::SlotAmounts Indices::HeldOf(const std::string& worker) const {
  const auto* found = Find(held_of_, worker);
  return found == nullptr ? scheduler::SlotAmounts() : *found;
}

int64_t Indices::JobsIn(const std::string& run) const {
  const int64_t* found = Find(jobs_in_, run);
  return found == nullptr ? 0 : *found;
}

int64_t Indices::UnendedIn(const std::string& run) const {
  const int64_t* found = Find(unended_in_, run);
  return found == nullptr ? 0 : *found;
}

int64_t Indices::UnendedOfUser(const std::string& user) const {
  const int64_t* found = Find(unended_of_user_, user);
  return found == nullptr ? 0 : *found;
}

int64_t Indices::UnendedOfSite(const std::string& site) const {
  const int64_t* found = Find(unended_of_site_, site);
  return found == nullptr ? 0 : *found;
}

int64_t Indices::UsesOf(const std::string& artifact) const {
  const int64_t* found = Find(uses_, artifact);
  return found == nullptr ? 0 : *found;
}

const std::set<CheckpointOrder>& Indices::CheckpointsOf(const JobKey& job) const {
  static const std::set<CheckpointOrder> none;
  const auto* found = Find(checkpoints_, job);
  return found == nullptr ? none : *found;
}

const Indices::ByTime& Indices::RunsNamed(const std::string& name) const {
  static const ByTime none;
  const auto* found = Find(runs_named_, name);
  return found == nullptr ? none : *found;
}

const Indices::ByTime& Indices::MadeBy(const std::string& run) const {
  static const ByTime none;
  const auto* found = Find(made_by_, run);
  return found == nullptr ? none : *found;
}

// The costs are no part of it: they are computed when they are needed.
bool Indices::operator==(const Indices& other) const {
  return queued_ == other.queued_ && live_ == other.live_ && live_on_ == other.live_on_ &&
         held_of_ == other.held_of_ && held_by_ == other.held_by_ && gangs_ == other.gangs_ &&
         with_binding_ == other.with_binding_ && run_deadlines_ == other.run_deadlines_ &&
         attempt_deadlines_ == other.attempt_deadlines_ && jobs_in_ == other.jobs_in_ &&
         unended_in_ == other.unended_in_ && uses_ == other.uses_ &&
         unended_of_user_ == other.unended_of_user_ && unended_of_site_ == other.unended_of_site_ &&
         checkpoints_ == other.checkpoints_ && runs_named_ == other.runs_named_ &&
         made_by_ == other.made_by_ && counts_ == other.counts_;
}

}  // namespace braid::coordinator
