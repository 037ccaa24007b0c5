#include "coordinator/api/queries.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace braid::coordinator {
namespace {

using catalog::ArtifactRecord;

// A token of PageOfJobs is the place in the list of all jobs: ended runs stay, so it stays right.
Result<size_t> PlaceOf(const std::string& token) {
  if (token.empty()) return size_t{0};
  if (token.find_first_not_of("0123456789") != std::string::npos || token.size() > 9)
    return NotOurToken(token);
  return static_cast<size_t>(std::stoul(token));
}

bool IsIn(const JobFilter& filter, const JobRecord& job) {
  return filter.states.empty() ||
         std::find(filter.states.begin(), filter.states.end(), job.state) != filter.states.end();
}

}  // namespace

Result<Page<RunRecord>> PageOfRuns(const PageRequest& page, const State& state) {
  return PageNewestFirst<RunRecord>(
      state.indices().runs(), page.token, LimitOf(page, 50, 200),
      [&](const std::string& id) { return state.FindRun(id); },
      [](const RunRecord&) { return true; });
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
  BRAID_ASSIGN_OR_RETURN(const std::string only, RunFilterOf(filter.run, state));
  const size_t limit = LimitOf(page, 200, 1000);
  Page<JobRecord> found;
  size_t place = 0;
  // False once the page is full.
  const auto add_run = [&](const std::string& run) {
    // The runs of earlier pages are only counted.
    const auto count = static_cast<size_t>(state.indices().JobsIn(run));
    if (place + count <= begin) {
      place += count;
      return true;
    }
    for (const JobRecord* job : state.JobsOf(run)) {
      const size_t at = place++;
      if (at < begin || !IsIn(filter, *job)) continue;
      if (found.records.size() == limit) {
        found.next = std::to_string(at);
        return false;
      }
      found.records.push_back(job);
    }
    return true;
  };
  if (!only.empty()) {
    (void)add_run(only);
    return found;
  }
  for (const auto& [id, run] : state.image().runs) {
    if (!add_run(id)) break;
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
  const auto& indices = state.indices();
  return PageNewestFirst<ArtifactRecord>(
      run.empty() ? indices.artifacts() : indices.MadeBy(run), page.token, LimitOf(page, 200, 1000),
      [&](const std::string& id) { return state.FindArtifact(id); },
      [&](const ArtifactRecord& artifact) {
        return (filter.kind.empty() || artifact.kind == filter.kind) &&
               (artifact.removed_ms == 0 || filter.removed);
      });
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
