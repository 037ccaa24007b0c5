// The output of commands on standard output: messages as JSON, lists as tables, and the words in
// them.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "braid/v1/admin.pb.h"
#include "braid/v1/jobs.pb.h"
#include "braid/v1/runs.pb.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// proto3 JSON, with line breaks and indentation.
std::string JsonText(const google::protobuf::Message& message);
// A JSON text as it is, or as YAML with -o yaml; `PrintLine` as one of several, which has no line
// break inside (in YAML: a line `---` before it).
void PrintDocument(const Globals& globals, const std::string& json);
void PrintLine(const Globals& globals, const std::string& json);
// The same of a message or of a document.
void PrintJson(const Globals& globals, const google::protobuf::Message& message);
void PrintJson(const Globals& globals, const Json& document);
void PrintJsonLine(const Globals& globals, const google::protobuf::Message& message);
// Aligned columns, or comma-separated values with -o csv; the header is left out if globals say so.
// REQUIRES: rows as long as the header.
std::string TableText(const Globals& globals, const std::vector<std::string>& header,
                      const std::vector<std::vector<std::string>>& rows);
void PrintTable(const Globals& globals, const std::vector<std::string>& header,
                const std::vector<std::vector<std::string>>& rows);
// The columns of a table of jobs, with reasons and progress, and what a job has in them.
const std::vector<std::string>& JobColumns();
std::vector<std::string> JobCells(const v1::Job& job);
void PrintJobs(const Globals& globals, const std::vector<v1::Job>& jobs);

// RUN_ACTIVE -> "ACTIVE".
std::string StateName(v1::RunState state);
std::string StateName(v1::JobState state);
// The state of a run for people: PAUSED of one that is paused.
std::string StateText(const v1::Run& run);
// The tags of a run: "ablation, lr sweep".
std::string TagsText(const v1::Run& run);
// Of a paused run: "3 min ago by ada: the GPUs are needed".
std::string PauseText(const v1::Run& run);
// Whether the run waits for somebody to resume it; one that is being cancelled does not.
bool IsPaused(const v1::Run& run);
// Whether a worker takes new jobs: "OPEN", "CORDONED", "DRAINING", or "QUARANTINED" if only that
// keeps jobs away.
std::string AdmitText(const v1::Worker& worker);
// How long ago a time was, in milliseconds since 1970: "3 min"; "-" of 0.
std::string Ago(int64_t wall_ms);
// "training 12/73 steps, 8.1 k tokens/s, 12 s left"; empty of a job that does not run.
std::string ProgressText(const v1::Job& job);

}  // namespace braid::cli
