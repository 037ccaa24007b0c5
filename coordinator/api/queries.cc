#include "coordinator/api/queries.h"

#include <map>

#include "base/text.h"

namespace braid::coordinator {

using catalog::ArtifactRecord;
Result<std::string> RunFilterOf(const std::string& text, const State& state) {
  if (text.empty()) return std::string();
  return state.ResolveRunId(text);
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

Result<JobStanding> StandingOf(const std::string& run, const std::string& job, const State& state) {
  BRAID_ASSIGN_OR_RETURN(const JobRecord* record, FindJob(run, job, state));
  return JobStanding{record->key, record->epoch, Ended(record->state)};
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
