#include "cli/shared/print.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/text.h"
#include "cli/shared/csv.h"

namespace braid::cli {
namespace {

// Characters, not bytes: columns of UTF-8 stay aligned.
size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void PrintCsv(const std::vector<std::vector<std::string>>& rows) {
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += (i > 0 ? "," : "") + CsvField(row[i]);
    std::printf("%s\n", line.c_str());
  }
}

std::string JsonOf(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

}  // namespace

void PrintJson(const google::protobuf::Message& message) {
  std::fputs(JsonOf(message, true).c_str(), stdout);
}
void PrintJsonLine(const google::protobuf::Message& message) {
  std::printf("%s\n", JsonOf(message, false).c_str());
}

void PrintTable(const Globals& globals, const std::vector<std::string>& header,
                const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> all = rows;
  if (!globals.no_header) all.insert(all.begin(), header);
  if (globals.output == "csv") return PrintCsv(all);
  std::vector<size_t> widths(header.size(), 0);
  for (const auto& row : all) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  // No spaces behind the last column: whoever copies a line or compares outputs wants none.
  for (const auto& row : all) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

// Without the prefix of the enum: RUN_ACTIVE is shown as ACTIVE, JOB_QUEUED as QUEUED.
std::string StateName(v1::RunState state) {
  return v1::RunState_Name(state).substr(4);
}
std::string StateName(v1::JobState state) {
  return v1::JobState_Name(state).substr(4);
}

std::string AdmitText(const v1::Worker& worker) {
  if (worker.admit() == v1::WORKER_OPEN && !worker.quarantine().empty()) return "QUARANTINED";
  return v1::WorkerAdmit_Name(worker.admit()).substr(7);
}

std::string Ago(int64_t wall_ms) {
  if (wall_ms == 0) return "-";
  return FormatDuration(
      static_cast<double>(std::max<int64_t>(0, SystemClock().WallMs() - wall_ms)) / 1000);
}

std::string ProgressText(const v1::Job& job) {
  // Progress of an earlier attempt stays in the record; only that of a running one is shown.
  const v1::Progress& p = job.progress();
  if (job.state() != v1::JOB_ACTIVE || p.phase().empty()) return "";
  std::string text = p.phase();
  if (p.total() > 0) text += Format(" %lld/%lld", (long long)p.done(), (long long)p.total());
  if (p.total() == 0 && p.done() > 0) text += Format(" %lld", (long long)p.done());
  if (p.total() > 0 || p.done() > 0) text += " " + p.unit();
  if (p.tokens_per_s() > 0) text += ", " + FormatCount(p.tokens_per_s()) + " tokens/s";
  if (p.eta_s() > 0) text += ", " + FormatDuration(p.eta_s()) + " left";
  return text;
}

void PrintJobs(const Globals& globals, const std::vector<v1::Job>& jobs, bool with_run) {
  std::vector<std::string> header = {"JOB", "KIND", "STATE", "WORKERS", "DETAIL"};
  if (with_run) header.insert(header.begin(), "RUN");
  std::vector<std::vector<std::string>> rows;
  for (const v1::Job& job : jobs) {
    // What matters most of a job, in one cell: its progress, why it waits, or how it failed.
    std::string detail = ProgressText(job);
    if (detail.empty()) detail = job.pending_detail();
    if (job.state() == v1::JOB_FAILED) detail = job.error();
    std::string workers = "-";
    if (job.attempts_size() > 0) {
      const v1::Attempt& last = *job.attempts().rbegin();
      workers = Join({last.workers().begin(), last.workers().end()}, ",");
    }
    std::vector<std::string> row = {job.name(), job.kind(), StateName(job.state()), workers,
                                    detail};
    if (with_run) row.insert(row.begin(), job.run_id());
    rows.push_back(std::move(row));
  }
  PrintTable(globals, header, rows);
}

}  // namespace braid::cli
