// A summary of a run and its jobs, for the jobs that describe the run: reports, and exports, which
// write model cards. The coordinator makes it, and the task file of such a job carries it as JSON
// (FACTS of docs/tasks.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "task/requirements.h"

namespace braid::task {

// A job as far as it has come. Of its requirements, the JSON has the kind, the ranks and the slots.
struct JobSummary : Requirements {
  std::string name;
  // The word for its state: "SUCCEEDED".
  std::string state;
  // The names of the jobs that must succeed before it.
  std::vector<std::string> parents;
  int64_t attempts = 0;
  // The worker of rank 0 of the newest attempt; empty if there was none.
  std::string worker;
  // Wall-clock times in ms since 1970: the start of the first attempt, so that lost attempts count,
  // and the end of the job; 0: not yet.
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
  // The ids of artifacts, by role.
  std::map<std::string, std::string> inputs;
  std::map<std::string, std::string> outputs;
  // The JSON text that its program reported about its result. It may be no JSON at all.
  std::string summary_json;
};

// A run and its jobs.
struct RunSummary {
  std::string id;
  std::string name;
  // The time of the submission, in ms since 1970; 0: not known.
  int64_t created_ms = 0;
  // In topological order: parents before children.
  std::vector<JobSummary> jobs;
};

// The summary as the JSON of a task file. What a program reported is an object there, and an empty
// one if it reported anything else.
Json ToJson(const RunSummary& run);

// The summary from that JSON. `path` names the JSON in errors. Absent fields keep their defaults,
// and unknown ones are passed over, since a newer coordinator may send more.
Result<RunSummary> RunSummaryFromJson(const Json& json, const std::string& path);

}  // namespace braid::task
