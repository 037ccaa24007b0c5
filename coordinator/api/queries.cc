#include "coordinator/api/queries.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;

// Ids break ties, so that pages neither repeat nor leave out.
template <class Record>
void SortNewestFirst(std::vector<const Record*>* records) {
  std::sort(records->begin(), records->end(), [](const Record* a, const Record* b) {
    return std::pair(a->created_ms, a->id) > std::pair(b->created_ms, b->id);
  });
}

// A token of PageOfJobs is the place in the list of all jobs: ended runs stay, so it stays right.
Result<size_t> PlaceOf(const std::string& token) {
  if (token.empty()) return size_t{0};
  if (token.find_first_not_of("0123456789") != std::string::npos || token.size() > 9)
    return NotOurToken(token);
  return static_cast<size_t>(std::stoul(token));
}

Result<std::vector<const JobRecord*>> JobsOf(const std::string& run, const State& state) {
  if (!run.empty()) {
    BRAID_ASSIGN_OR_RETURN(const RunRecord* record, state.ResolveRun(run));
    return state.JobsOf(record->id);
  }
  std::vector<const JobRecord*> jobs;
  for (const auto& [id, record] : state.image().runs) {
    for (const JobRecord* job : state.JobsOf(id)) jobs.push_back(job);
  }
  return jobs;
}

}  // namespace

Result<Page<RunRecord>> PageOfRuns(const PageRequest& page, const State& state) {
  std::vector<const RunRecord*> runs;
  for (const auto& [id, run] : state.image().runs) runs.push_back(&run);
  SortNewestFirst(&runs);
  return PageById(runs, page.token, LimitOf(page, 50, 200));
}

Result<std::string> RunFilterOf(const std::string& text, const State& state) {
  if (text.empty()) return std::string();
  BRAID_ASSIGN_OR_RETURN(const RunRecord* run, state.ResolveRun(text));
  return run->id;
}

Status CheckNotCompacted(int64_t since_seq, const State& state) {
  const int64_t compacted = state.image().compacted_seq;
  if (since_seq <= 0 || since_seq >= compacted) return OkStatus();
  return Status(StatusCode::kOutOfRange, ErrorReason::kWatchCompacted,
                "events up to " + std::to_string(compacted) +
                    " were removed because of their age, "
                    "and with them some after " +
                    std::to_string(since_seq) + ": list what is there, then go on from event " +
                    std::to_string(compacted));
}

Result<const JobRecord*> FindJob(const std::string& run, const std::string& name,
                                 const State& state) {
  BRAID_ASSIGN_OR_RETURN(const RunRecord* record, state.ResolveRun(run));
  if (const JobRecord* job = state.FindJob({record->id, name})) return job;
  std::vector<std::string> names;
  for (const JobRecord* job : state.JobsOf(record->id)) names.push_back(job->key.job);
  const std::string nearest = NearestWord(name, names);
  return Status(
      StatusCode::kNotFound, ErrorReason::kNotFound,
      "run " + record->id + " has no job " + name +
          (nearest.empty() ? ": it has " + Join(names, ", ") : "; did you mean " + nearest + "?"));
}

Result<Page<JobRecord>> PageOfJobs(const JobFilter& filter, const PageRequest& page,
                                   const State& state) {
  BRAID_ASSIGN_OR_RETURN(const size_t begin, PlaceOf(page.token));
  BRAID_ASSIGN_OR_RETURN(const auto jobs, JobsOf(filter.run, state));
  const size_t limit = LimitOf(page, 200, 1000);
  Page<JobRecord> found;
  for (size_t i = begin; i < jobs.size(); ++i) {
    if (!filter.states.empty() && std::find(filter.states.begin(), filter.states.end(),
                                            jobs[i]->state) == filter.states.end())
      continue;
    if (found.records.size() == limit) {
      found.next = std::to_string(i);
      break;
    }
    found.records.push_back(jobs[i]);
  }
  return found;
}

Result<JobStanding> StandingOf(const std::string& run, const std::string& job, const State& state) {
  BRAID_ASSIGN_OR_RETURN(const JobRecord* record, FindJob(run, job, state));
  return JobStanding{record->key, record->epoch, Ended(record->state)};
}

Result<Page<ArtifactRecord>> PageOfArtifacts(const ArtifactFilter& filter, const PageRequest& page,
                                             const State& state) {
  BRAID_ASSIGN_OR_RETURN(const std::string run, RunFilterOf(filter.run, state));
  std::vector<const ArtifactRecord*> artifacts;
  for (const auto& [id, artifact] : state.image().artifacts) {
    if (!run.empty() && artifact.made_by.run != run) continue;
    if (!filter.kind.empty() && artifact.kind != filter.kind) continue;
    if (artifact.removed_ms > 0 && !filter.removed) continue;
    artifacts.push_back(&artifact);
  }
  SortNewestFirst(&artifacts);
  return PageById(artifacts, page.token, LimitOf(page, 200, 1000));
}

Result<std::vector<const ArtifactRecord*>> LineageOf(const std::string& id, const State& state) {
  BRAID_ASSIGN_OR_RETURN(const ArtifactRecord* first, state.ResolveArtifact(id));
  // First all ancestors, with the number of their children among them.
  std::vector<const ArtifactRecord*> found = {first};
  std::map<std::string, int64_t> children = {{first->id, 0}};
  for (size_t i = 0; i < found.size(); ++i) {
    for (const std::string& parent : found[i]->parents) {
      const ArtifactRecord* artifact = state.FindArtifact(parent);
      if (artifact != nullptr && children[parent]++ == 0) found.push_back(artifact);
    }
  }
  // Then those all of whose children stand in the list already. An artifact is named by its
  // content, parents included, so there are no cycles.
  std::vector<const ArtifactRecord*> lineage = {first};
  for (size_t i = 0; i < lineage.size(); ++i) {
    for (const std::string& parent : lineage[i]->parents) {
      const ArtifactRecord* artifact = state.FindArtifact(parent);
      if (artifact != nullptr && --children[parent] == 0) lineage.push_back(artifact);
    }
  }
  return lineage;
}

}  // namespace braid::coordinator
