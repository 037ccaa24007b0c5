#include "task/run_summary.h"

#include "base/text.h"

namespace braid::task {
namespace {

// Reads the fields that nobody has asked for, so that Finish() does not refuse them.
void PassOver(const Json& object, JsonReader* read) {
  for (const auto& [key, value] : object.items()) (void)read->Value(key);
}

std::map<std::string, std::string> Texts(const Json& object) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) texts[key] = value.get<std::string>();
  }
  return texts;
}

Json ToJson(const JobSummary& job) {
  // What a task program said of itself: of bounded depth, or nothing.
  const Result<Json> summary = ParseJson(job.summary_json, "summary");
  return {{"name", job.name},
          {"kind", job.kind},
          {"state", job.state},
          {"parents", job.parents},
          {"worker", job.worker},
          {"slots", job.slots},
          {"ranks", job.ranks},
          {"attempts", job.attempts},
          {"started_ms", job.started_ms},
          {"ended_ms", job.ended_ms},
          {"inputs", job.inputs},
          {"outputs", job.outputs},
          {"summary", summary.ok() && summary->is_object() ? *summary : Json::object()}};
}

Result<JobSummary> JobFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  JobSummary job;
  job.name = read.RequireString("name");
  job.kind = read.String("kind", "");
  job.state = read.String("state", "");
  job.parents = read.Strings("parents");
  job.worker = read.String("worker", "");
  job.slots = read.Int("slots", 1);
  job.ranks = read.Int("ranks", 1);
  job.attempts = read.Int("attempts", 0);
  job.started_ms = read.Int("started_ms", 0);
  job.ended_ms = read.Int("ended_ms", 0);
  job.inputs = Texts(read.Value("inputs"));
  job.outputs = Texts(read.Value("outputs"));
  if (const Json& summary = read.Value("summary"); summary.is_object())
    job.summary_json = summary.dump();
  PassOver(json, &read);
  BRAID_RETURN_IF_ERROR(read.Finish());
  return job;
}

}  // namespace

Json ToJson(const RunSummary& run) {
  Json jobs = Json::array();
  for (const JobSummary& job : run.jobs) jobs.push_back(ToJson(job));
  return {{"run", {{"id", run.id}, {"name", run.name}, {"created_ms", run.created_ms}}},
          {"jobs", std::move(jobs)}};
}

Result<RunSummary> RunSummaryFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  const Json& about = read.Value("run");
  const Json& jobs = read.RequireArray("jobs");
  BRAID_RETURN_IF_ERROR(read.Finish());
  RunSummary run;
  if (about.is_object()) {
    JsonReader read_run(about, read.PathOf("run"));
    run.id = read_run.String("id", "");
    run.name = read_run.String("name", "");
    run.created_ms = read_run.Int("created_ms", 0);
    PassOver(about, &read_run);
    BRAID_RETURN_IF_ERROR(read_run.Finish());
  }
  for (size_t i = 0; i < jobs.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(JobSummary job,
                           JobFromJson(jobs[i], Format("%s.jobs.%zu", path.c_str(), i)));
    run.jobs.push_back(std::move(job));
  }
  return run;
}

}  // namespace braid::task
