#include "cli/shared/print.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/text.h"
#include "cli/shared/columns.h"
#include "cli/shared/csv.h"
#include "cli/shared/yaml.h"

namespace braid::cli {
namespace {

std::string CsvText(const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) text += (i > 0 ? "," : "") + CsvField(row[i]);
    text += "\n";
  }
  return text;
}

std::string JsonOf(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

}  // namespace

std::string JsonText(const google::protobuf::Message& message) {
  return JsonOf(message, true);
}
void PrintDocument(const Globals& globals, const std::string& json) {
  std::fputs(globals.output == "yaml" ? YamlOf(json).c_str() : json.c_str(), stdout);
}
void PrintLine(const Globals& globals, const std::string& json) {
  if (globals.output == "yaml") {
    std::printf("---\n%s", YamlOf(json).c_str());
  } else {
    std::printf("%s\n", json.c_str());
  }
}
void PrintJson(const Globals& globals, const google::protobuf::Message& message) {
  PrintDocument(globals, JsonText(message));
}
void PrintJson(const Globals& globals, const Json& document) {
  PrintDocument(globals, DumpJson(document));
}
void PrintJsonLine(const Globals& globals, const google::protobuf::Message& message) {
  PrintLine(globals, JsonOf(message, false));
}

void PrintTable(const Globals& globals, const std::vector<std::string>& header,
                const std::vector<std::vector<std::string>>& rows) {
  std::fputs(TableText(globals, header, rows).c_str(), stdout);
}

namespace {

// A cell for a terminal: a control character of somebody's name is shown as "\\x1b", and neither
// ends the line nor tells the terminal anything.
std::string Printable(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // Those from U+0080 to U+009F are two bytes, of which the second is the number.
    const bool second = c == 0xC2 && i + 1 < text.size() &&
                        static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c < 0x20 || c == 0x7F) {
      out += Format("\\x%02x", c);
    } else if (second) {
      out += Format("\\x%02x", static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::string TableText(const Globals& globals, const std::vector<std::string>& header,
                      const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> all = rows;
  if (!globals.no_header) all.insert(all.begin(), header);
  if (globals.output == "csv") return CsvText(all);
  for (auto& row : all) {
    for (std::string& cell : row) cell = Printable(cell);
  }
  std::vector<int> widths(header.size(), 0);
  for (const auto& row : all) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], ColumnsOf(row[i]));
  }
  // No spaces behind the last column: whoever copies a line or compares outputs wants none.
  std::string text;
  for (const auto& row : all) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size())
        text.append(static_cast<size_t>(widths[i] - ColumnsOf(row[i]) + 2), ' ');
    }
    text += "\n";
  }
  return text;
}

// Without the prefix of the enum: RUN_ACTIVE is shown as ACTIVE, JOB_QUEUED as QUEUED.
std::string StateName(v1::RunState state) {
  return v1::RunState_Name(state).substr(4);
}
std::string StateName(v1::JobState state) {
  return v1::JobState_Name(state).substr(4);
}

std::string TagsText(const v1::Run& run) {
  return Join({run.tags().begin(), run.tags().end()}, ", ");
}

bool IsPaused(const v1::Run& run) {
  return run.paused_ms() > 0 && !run.cancel_requested();
}

std::string StateText(const v1::Run& run) {
  return IsPaused(run) ? "PAUSED" : StateName(run.state());
}

std::string PauseText(const v1::Run& run) {
  return Ago(run.paused_ms()) + " ago" + (run.paused_by().empty() ? "" : " by " + run.paused_by()) +
         (run.pause_reason().empty() ? "" : ": " + run.pause_reason());
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

const std::vector<std::string>& JobColumns() {
  static const std::vector<std::string> columns = {"JOB", "KIND", "STATE", "WORKERS", "DETAIL"};
  return columns;
}

std::vector<std::string> JobCells(const v1::Job& job) {
  // What matters most of a job, in one cell: its progress, why it waits, how it failed, or why it
  // is skipped.
  std::string detail = ProgressText(job);
  if (detail.empty()) detail = job.pending_detail();
  if (job.state() == v1::JOB_FAILED || job.state() == v1::JOB_SKIPPED) detail = job.error();
  std::string workers = "-";
  if (job.attempts_size() > 0) {
    const v1::Attempt& last = *job.attempts().rbegin();
    workers = Join({last.workers().begin(), last.workers().end()}, ",");
  }
  return {job.name(), job.kind(), StateName(job.state()), workers, detail};
}

void PrintJobs(const Globals& globals, const std::vector<v1::Job>& jobs) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::Job& job : jobs) rows.push_back(JobCells(job));
  PrintTable(globals, JobColumns(), rows);
}

}  // namespace braid::cli
