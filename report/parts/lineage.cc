// The jobs of the run, with what each was made from and what it made.
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "report/parts/part.h"

namespace braid::report {
namespace {

constexpr size_t kIdDigits = 12;

std::string Roles(const std::map<std::string, std::string>& artifacts) {
  std::vector<std::string> parts;
  for (const auto& [role, id] : artifacts) parts.push_back(role + " " + id.substr(0, kIdDigits));
  return Join(parts, ", ");
}

void AddLineage(const Report& report, Document* document) {
  Table table;
  table.columns = {{"job"},        {"worker"},    {"cores", true}, {"attempts", true},
                   {"time", true}, {"made from"}, {"made"}};
  for (const JobResult& job : report.results.jobs) {
    if (job.kind.empty()) continue;  // only known from its history: nothing to trace
    table.rows.push_back({job.name, job.worker.empty() ? "-" : job.worker,
                          std::to_string(job.cores()),
                          job.attempts > 0 ? std::to_string(job.attempts) : "-",
                          job.seconds >= 0 ? FormatDuration(job.seconds) : "-",
                          job.inputs.empty() ? "-" : Roles(job.inputs),
                          job.outputs.empty() ? "-" : Roles(job.outputs)});
  }
  if (table.rows.empty()) return;
  document->Heading("Lineage");
  document->Text(
      "Every job of the run with the artifacts it read and wrote, by the first digits of their "
      "SHA-256.");
  document->Add(std::move(table));
}

void AddLineageJson(const Report& report, Json* json) {
  Json& jobs = (*json)["jobs"] = Json::array();
  for (const JobResult& job : report.results.jobs) {
    jobs.push_back({{"name", job.name},
                    {"kind", job.kind},
                    {"state", job.state},
                    {"worker", job.worker},
                    {"parents", job.parents},
                    {"ranks", job.ranks},
                    {"slots", job.slots},
                    {"attempts", job.attempts},
                    {"seconds", job.seconds},
                    {"inputs", job.inputs},
                    {"outputs", job.outputs},
                    {"summary", job.summary}});
  }
}

}  // namespace

Part LineagePart() {
  return {.name = "lineage", .add_to_json = AddLineageJson, .add_to_report = AddLineage};
}

}  // namespace braid::report
