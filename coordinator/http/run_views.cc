#include "coordinator/http/run_views.h"

#include <optional>

#include "coordinator/api/lists.h"
#include "coordinator/core/core.h"

namespace braid::coordinator {
namespace {

// A run as the loop hands it out, without what is large. The text is made by the thread that
// answers: nothing that can go wrong with it is the loop's.
struct JobView {
  std::string name, kind;
  catalog::JobState state;
  std::vector<std::string> parents;
  std::string error;
  int64_t ended_ms;
};
struct RunView {
  std::string id, name;
  catalog::RunState state;
  int64_t created_ms, ended_ms;
  std::string error, retry_of;
  std::vector<JobView> jobs;
};

RunView ViewOf(const RunRecord& run) {
  return {run.id, run.name, run.state, run.created_ms, run.ended_ms, run.error, run.retry_of, {}};
}
JobView ViewOf(const JobRecord& job) {
  return {job.key.job, job.kind, job.state, job.parents, job.error, job.ended_ms};
}

Json JsonOf(const RunView& run, bool with_jobs) {
  Json json = {{"id", run.id},
               {"name", run.name},
               {"state", Name(run.state)},
               {"createdMs", run.created_ms},
               {"endedMs", run.ended_ms},
               {"error", run.error},
               {"retryOf", run.retry_of}};
  if (!with_jobs) return json;
  json["jobs"] = Json::array();
  for (const JobView& job : run.jobs) {
    json["jobs"].push_back({{"name", job.name},
                            {"kind", job.kind},
                            {"state", Name(job.state)},
                            {"parents", job.parents},
                            {"error", job.error},
                            {"endedMs", job.ended_ms}});
  }
  return json;
}

}  // namespace

Result<Json> RunsJson(const PageRequest& page, const catalog::Reader& reader) {
  BRAID_ASSIGN_OR_RETURN(const auto snapshot, reader.Open());
  BRAID_ASSIGN_OR_RETURN(const Page<RunRecord> found, PageOfRuns({}, page, snapshot.get()));
  Json runs = Json::array();
  for (const RunRecord& run : found.rows) runs.push_back(JsonOf(ViewOf(run), false));
  Json json = {{"runs", std::move(runs)}};
  if (!found.next.empty()) json["nextPageToken"] = found.next;
  return json;
}

Result<Json> RunJson(const std::string& id, Core* core) {
  std::optional<RunView> view;
  Status status;
  BRAID_RETURN_IF_ERROR(core->Query([&](const State& state) {
    const auto run = state.ResolveRun(id);
    status = run.status();
    if (!run.ok()) return;
    view = ViewOf(**run);
    for (const JobRecord* job : state.JobsOf((*run)->id)) view->jobs.push_back(ViewOf(*job));
  }));
  BRAID_RETURN_IF_ERROR(status);
  return JsonOf(*view, true);
}

}  // namespace braid::coordinator
