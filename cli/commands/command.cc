#include "cli/commands/command.h"

#include <google/protobuf/util/json_util.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/state_files.h"
#include "base/text.h"

namespace braid::cli {
namespace {

constexpr int64_t kQuietEveryMs = 5'000;
constexpr int64_t kPatienceMs = 60'000;

size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string JsonOf(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

}  // namespace

Result<Endpoint> Globals::FindCoordinator() const {
  Result<Endpoint> endpoint = FindEndpoint(
      {address, JoinPath(dir, state_files::kAddress), token_file});
  if (!endpoint.ok() && endpoint.status().code() == StatusCode::kUnavailable) {
    return Unavailable("no coordinator: " + endpoint.status().message() +
                       "; start one with braid up, or give --addr HOST:PORT");
  }
  return endpoint;
}

Result<std::string> Globals::Address() const {
  BRAID_ASSIGN_OR_RETURN(const Endpoint endpoint, FindCoordinator());
  return endpoint.address;
}

submit::Tools ToolsIn(const std::string& work) {
  return {JoinPath(ProgramFolder(), "braid-trainer"), work};
}

Result<Client> Connect(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(const Endpoint endpoint, globals.FindCoordinator());
  return Client(endpoint);
}

std::string UserName() {
  passwd entry{};
  passwd* found = nullptr;
  char text[4096];
  if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(geteuid());
}

int ExitCodeOf(const Status& status) {
  if (status.reason() == "UNSCHEDULABLE") return kUnschedulableExit;
  switch (status.code()) {
    case StatusCode::kOk:
      return kOkExit;
    case StatusCode::kNotFound:
      return kNotFoundExit;
    case StatusCode::kPermissionDenied:
      return kDeniedExit;
    case StatusCode::kAlreadyExists:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kAborted:
      return kConflictExit;
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
      return kUnavailableExit;
    default:
      return kErrorExit;
  }
}

int ExitCodeOf(const v1::Run& run) {
  switch (run.state()) {
    case v1::RUN_SUCCEEDED:
      return kOkExit;
    case v1::RUN_FAILED:
      return kRunFailedExit;
    case v1::RUN_CANCELLED:
      return kRunCancelledExit;
    default:
      return kUnfinishedExit;
  }
}

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
  std::vector<size_t> widths(header.size(), 0);
  for (const auto& row : all) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  for (const auto& row : all) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

std::string StateName(v1::RunState state) {
  return v1::RunState_Name(state).substr(4);
}
std::string StateName(v1::JobState state) {
  return v1::JobState_Name(state).substr(4);
}

std::string Ago(int64_t wall_ms) {
  if (wall_ms == 0) return "-";
  return FormatDuration(
      static_cast<double>(std::max<int64_t>(0, SystemClock().WallMs() - wall_ms)) / 1000);
}

std::string ProgressText(const v1::Job& job) {
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

// Where nothing overwrites a line, what is done at once needs none.
ProgressLine::ProgressLine() : last_ms_(isatty(STDERR_FILENO) ? 0 : SystemClock().MonotonicMs()) {}

ProgressLine::~ProgressLine() {
  if (shown_ && isatty(STDERR_FILENO)) std::fputs("\r\033[K", stderr);
}

void ProgressLine::Show(const std::string& text) {
  const bool terminal = isatty(STDERR_FILENO);
  const int64_t now = SystemClock().MonotonicMs();
  if (now - last_ms_ < (terminal ? 100 : kQuietEveryMs)) return;
  last_ms_ = now;
  shown_ = true;
  std::fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", text.c_str());
  std::fflush(stderr);
}

bool Patience::Wait(const Status& status) {
  if (status.code() != StatusCode::kUnavailable && status.code() != StatusCode::kDeadlineExceeded)
    return false;
  const int64_t now = SystemClock().MonotonicMs();
  if (since_ms_ == 0) since_ms_ = now;
  if (now - since_ms_ > kPatienceMs) return false;
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  return true;
}

std::function<void(uint64_t, uint64_t)> TransferProgress(const std::string& what) {
  const auto line = std::make_shared<ProgressLine>();
  const int64_t begun = SystemClock().MonotonicMs();
  return [=](uint64_t done, uint64_t total) {
    const double seconds = static_cast<double>(SystemClock().MonotonicMs() - begun) / 1000;
    std::string text = what + " " + FormatBytes(done) + " of " + FormatBytes(total);
    if (seconds >= 0.2 && done > 0) {  // sooner the rate says nothing
      const double rate = static_cast<double>(done) / seconds;
      text += ", " + FormatBytes(static_cast<uint64_t>(rate)) + "/s, " +
              FormatDuration(static_cast<double>(total - done) / rate) + " left";
    }
    line->Show(text);
  };
}

void PrintJobs(const Globals& globals, const std::vector<v1::Job>& jobs, bool with_run) {
  std::vector<std::string> header = {"JOB", "KIND", "STATE", "WORKERS", "DETAIL"};
  if (with_run) header.insert(header.begin(), "RUN");
  std::vector<std::vector<std::string>> rows;
  for (const v1::Job& job : jobs) {
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

Result<v1::Run> FollowRun(Client& client, const std::string& run_id) {
  std::map<std::string, v1::JobState> seen;
  ProgressLine line;
  const int64_t begun = SystemClock().MonotonicMs();
  Patience patience;
  while (true) {
    const Result<v1::Run> run = client.GetRun(run_id);
    if (!run.ok()) {
      // The coordinator may be restarting; the run goes on meanwhile.
      line.Show("the coordinator does not answer, trying again");
      if (!patience.Wait(run.status())) return run.status();
      continue;
    }
    patience = Patience();
    std::vector<std::string> active;
    std::string waiting;
    for (const v1::Job& job : run->jobs()) {
      const auto [known, fresh] = seen.emplace(job.name(), v1::JOB_BLOCKED);
      if (known->second != job.state()) {
        known->second = job.state();
        if (job.state() >= v1::JOB_ACTIVE) {
          const std::string clock = Format(
              "%5.1f s", static_cast<double>(SystemClock().MonotonicMs() - begun) / 1000);
          std::fprintf(stderr, "%s%s  %-10s %s%s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "",
                       clock.c_str(), StateName(job.state()).c_str(), job.name().c_str(),
                       job.error().empty() ? "" : (": " + job.error()).c_str());
        }
      }
      if (const std::string text = ProgressText(job); !text.empty())
        active.push_back(job.name() + ": " + text);
      if (job.state() == v1::JOB_QUEUED && waiting.empty())
        waiting = job.name() + " waits: " + job.pending_detail();
    }
    if (active.empty()) active.push_back(waiting);
    if (run->state() != v1::RUN_ACTIVE) return run;
    line.Show(Format("[%d/%d] ", run->jobs_succeeded(), run->jobs_total()) + Join(active, " | "));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

}  // namespace braid::cli
