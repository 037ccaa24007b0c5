#include "coordinator/alerts/event_alerts.h"

#include "base/text.h"
#include "coordinator/core/watchdog.h"

namespace braid::coordinator {
namespace {

using alert::Alert;
using alert::Kind;
using catalog::EventRecord;
using catalog::RunRows;

constexpr size_t kMaxJobs = 3;  // whose errors are told

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string TitleOf(Kind kind, const EventRecord& event, const std::string& run) {
  switch (kind) {
    case Kind::kFailed:
      return "run " + run + " has failed";
    case Kind::kDone:
      return "run " + run + " is done";
    case Kind::kCancelled:
      return "run " + run + " was cancelled";
    case Kind::kPaused:
      return "run " + run + " was paused";
    case Kind::kDiverged:
      return "training " + event.job + " of run " + run + " has diverged";
    case Kind::kStalled:
      return "training " + event.job + " of run " + run + " made no step and was stopped";
    case Kind::kWorkerLost:
      return "worker " + event.worker + " is lost";
    case Kind::kWorkerQuarantined:
      return "worker " + event.worker + " is in quarantine: jobs fail there one after another";
    case Kind::kDiskLow:
      return event.worker.empty() ? "the disk of the coordinator is nearly full"
                                  : "the disk of worker " + event.worker + " is full";
    case Kind::kPoolTrouble:
      return "a pool cannot get its workers";
    case Kind::kTest:
      return "a test: alerts arrive here";
  }
  return event.kind;
}

std::string CommandOf(Kind kind, const EventRecord& event) {
  switch (kind) {
    case Kind::kFailed:
    case Kind::kCancelled:
      return "braid describe " + event.run;
    case Kind::kDone:
      return "braid report " + event.run;
    case Kind::kPaused:
      return "braid resume " + event.run;
    case Kind::kDiverged:
    case Kind::kStalled:
      return "braid describe " + event.run + " " + event.job;
    case Kind::kWorkerLost:
      return "braid worker list";
    case Kind::kWorkerQuarantined:
      return "braid worker describe " + event.worker;
    case Kind::kDiskLow:
      return event.worker.empty() ? "braid gc --dry-run" : "braid worker list";
    case Kind::kPoolTrouble:
      return "braid pool list";
    case Kind::kTest:
      break;
  }
  return "";
}

// The errors of the jobs that have failed, with what may help.
std::string FailuresOf(const RunRows& rows) {
  std::string text;
  size_t told = 0, failed = 0;
  for (const catalog::JobRecord& job : rows.jobs) {
    if (job.state != catalog::JobState::kFailed || job.left_behind) continue;
    if (++failed > kMaxJobs) continue;
    ++told;
    text += (text.empty() ? "" : "\n") + job.key.job + ": " + job.error;
    if (!job.hint.empty()) text += "\n  " + job.hint;
  }
  if (failed > told) text += "\nand " + std::to_string(failed - told) + " jobs more";
  return text;
}

std::string TextOf(Kind kind, const EventRecord& event, const RunRows* rows) {
  if (rows == nullptr) return event.detail;
  if (kind == Kind::kDone) {
    const catalog::RunRecord& run = rows->run;
    return std::to_string(rows->jobs.size()) + " jobs in " +
           FormatDuration(static_cast<double>(run.ended_ms - run.created_ms) / 1000);
  }
  if (kind != Kind::kFailed) return event.detail;
  const std::string failures = FailuresOf(*rows);
  return failures.empty() ? event.detail : failures;
}

}  // namespace

std::optional<Kind> AlertKindOf(const EventRecord& event) {
  if (event.kind == "run.failed") return Kind::kFailed;
  if (event.kind == "run.succeeded") return Kind::kDone;
  if (event.kind == "run.cancelled") return Kind::kCancelled;
  if (event.kind == "run.paused") return Kind::kPaused;
  if (event.kind == "job.failed" && Has(event.detail, "the training has diverged"))
    return Kind::kDiverged;
  if (event.kind == "attempt.stopping" &&
      event.detail.starts_with(NameOf(catalog::StopReason::kAbort) + ": " + kNoStepFor))
    return Kind::kStalled;
  if (event.kind == "worker.lost") return Kind::kWorkerLost;
  if (event.kind == "worker.quarantined") return Kind::kWorkerQuarantined;
  if (event.kind == "worker.disk_full" || event.kind == "server.disk_low") return Kind::kDiskLow;
  if (event.kind == "pool.trouble" || event.kind == "pool.refused") return Kind::kPoolTrouble;
  return std::nullopt;
}

Alert AlertOf(Kind kind, const EventRecord& event, const RunRows* rows,
              const std::string& coordinator_id, const std::string& url) {
  Alert alert;
  alert.kind = kind;
  alert.id = coordinator_id.substr(0, 12) + "-" + std::to_string(event.seq);
  alert.run_name = rows == nullptr ? event.run : rows->run.name;
  alert.user = rows == nullptr ? "" : rows->run.user;
  alert.title = TitleOf(kind, event, alert.run_name);
  alert.text = TextOf(kind, event, rows);
  alert.command = CommandOf(kind, event);
  if (!url.empty()) {
    alert.url = url + "/#/";
    if (!event.run.empty()) {
      alert.url += "run/" + event.run;
    } else if (!event.worker.empty()) {
      alert.url += "workers";
    }
  }
  alert.time_ms = event.time_ms;
  alert.seq = event.seq;
  alert.event = event.kind;
  alert.run_id = event.run;
  alert.job = event.job;
  alert.worker = event.worker;
  return alert;
}

}  // namespace braid::coordinator
