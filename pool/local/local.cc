#include "pool/local/local.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/private_folder.h"
#include "base/text.h"
#include "pool/command.h"
#include "pool/shell.h"
#include "pool/worker_words.h"

namespace braid::pool::local {
namespace {

constexpr char kLogs[] = "logs";
constexpr char kWorkers[] = "workers";
// The number of the last job: a worker of another agent of this pool must not have the same name.
constexpr char kLastJob[] = "last-job";
constexpr int64_t kKeptLogs = 100;
// A worker hands back what it runs within 25 s.
constexpr int64_t kLeaveMs = 40'000;

// The name of a worker's folder and log, and the last part of its id.
std::string NameOf(const std::string& job, size_t rank) {
  return job + "." + std::to_string(rank);
}

// The last line of a log, which mostly says why the program ended; empty if it cannot be read.
std::string LastLineOf(const std::string& path) {
  const Result<std::string> text = ReadFile(path);
  if (!text.ok()) return "";
  const std::string_view trimmed = Trim(*text);
  return std::string(trimmed.substr(trimmed.rfind('\n') + 1));  // npos + 1 is 0
}

// The logs of the jobs that were a hundred before this one.
void RemoveOldLogs(const std::string& folder, int64_t job) {
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const Result<int64_t> number = ParseInt(name.substr(0, name.find('.')));
    if (number.ok() && *number <= job - kKeptLogs) (void)RemoveFile(JoinPath(folder, name));
  }
}

// The GPUs of this machine. An error, unlike an empty list, means that it is not known.
Result<std::vector<std::string>> Gpus(int64_t timeout_ms) {
  const Result<CommandResult> said = RunCommand(
      {"nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"}, timeout_ms);
  if (!said.ok()) return said.status().Wrap("which GPUs there are");
  if (said->code != 0)
    return Unavailable("nvidia-smi ended with code " + std::to_string(said->code) + ": " +
                       std::string(Trim(said->err.empty() ? said->out : said->err)));
  return ParseGpus(said->out);
}

// Refuses settings whose workers could never all start here.
Status CheckCount(const char* option, int64_t each, int64_t workers, int64_t there,
                  const std::string& what) {
  if (each * workers <= there) return OkStatus();
  return FailedPrecondition(std::to_string(workers) + " workers with " + std::to_string(each) +
                            " " + what + " each need " + std::to_string(each * workers) +
                            ", and this machine has " + std::to_string(there) +
                            ": lower --max-workers or " + option +
                            " (--no-check takes it as it is)");
}

}  // namespace

std::vector<std::string> ParseGpus(const std::string& printed) {
  std::vector<std::string> gpus;
  for (const std::string& line : Split(printed, '\n')) {
    if (const std::string_view gpu = Trim(line); gpu.starts_with("GPU-")) gpus.emplace_back(gpu);
  }
  return gpus;
}

std::string AdviceOnExit(const ProcessExit& exit, const std::string& last_line,
                         const std::string& log) {
  const std::string printed = last_line.empty() ? "it printed nothing"
                                                : "it printed last: " + last_line;
  if (exit.signal == SIGKILL) {
    return "it was killed, perhaps as the memory of this machine was used up (dmesg says so): "
           "create the pool again with a smaller --max-workers; " +
           printed;
  }
  if (exit.signal != 0)
    return "it was ended by signal " + std::to_string(exit.signal) + "; " + printed;
  if (exit.code == 0) return printed;
  // EX_CONFIG of sysexits.h, with which braid-worker ends if its settings are wrong.
  constexpr int kConfig = 78;
  return "code " + std::to_string(exit.code) + "; " + printed + "; its log is " + log +
         (exit.code == kConfig ? ": mend what it says, or delete the pool and create it again"
                               : "");
}

std::string WorkerLine(const Settings& s, const std::string& folder, const std::string& job,
                       int64_t rank, const std::vector<std::string>& gpus) {
  std::string line;
  for (const std::string& setup : s.setup) line += setup + "\n";
  const std::string name = NameOf(job, static_cast<size_t>(rank));
  line += "exec " + WorkerWords(s) + " --gpus " + (gpus.empty() ? "none" : Join(gpus, ",")) +
          " --id " + ShellQuoted(s.name + "." + name) + " --dir ";
  line += s.worker_dir.empty()
              ? ShellQuoted(JoinPath(JoinPath(folder, kWorkers), name))
              : "\"" + s.worker_dir + "/braid-" + s.name + "-" + s.mark + "-" + name + "\"";
  return s.time.empty() ? line : line + " --max-time " + ShellQuoted(s.time);
}

Local::Local(const Settings& settings, std::string folder, int64_t command_timeout_ms)
    : settings_(settings), folder_(std::move(folder)), timeout_ms_(command_timeout_ms) {}

Local::~Local() {
  Leave();
}

std::string Local::LogPath(const std::string& id, size_t rank) const {
  return JoinPath(JoinPath(folder_, kLogs), NameOf(id, rank) + ".log");
}

Status Local::Check(bool ask) {
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(JoinPath(folder_, kLogs)));
  BRAID_RETURN_IF_ERROR(MakePrivateFolder(JoinPath(folder_, kWorkers)));
  if (!ask) return OkStatus();
  const auto cores = static_cast<int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  BRAID_RETURN_IF_ERROR(
      CheckCount("--cpus", settings_.cpu_slots, settings_.max_workers, cores, "CPUs"));
  if (settings_.gpus == 0) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> gpus, Gpus(timeout_ms_));
  return CheckCount("--gpus", settings_.gpus, settings_.max_workers, std::ssize(gpus), "GPUs");
}

Result<std::string> Local::NextId() {
  const std::string path = JoinPath(folder_, kLastJob);
  int64_t number = 0;
  if (PathExists(path)) {
    BRAID_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    BRAID_ASSIGN_OR_RETURN(number, ParseInt(std::string(Trim(text))));
  }
  ++number;
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(path, std::to_string(number) + "\n"));
  RemoveOldLogs(JoinPath(folder_, kLogs), number);
  return std::to_string(number);
}

// So many as each worker has, of those that no other has.
Result<std::vector<std::string>> Local::TakeGpus(std::set<std::string>* taken) {
  std::vector<std::string> mine;
  if (settings_.gpus == 0) return mine;
  BRAID_ASSIGN_OR_RETURN(const std::vector<std::string> all, Gpus(timeout_ms_));
  for (const std::string& gpu : all) {
    if (std::ssize(mine) < settings_.gpus && taken->insert(gpu).second) mine.push_back(gpu);
  }
  if (std::ssize(mine) == settings_.gpus) return mine;
  return FailedPrecondition("a worker needs " + std::to_string(settings_.gpus) +
                            " GPUs, and of the " + std::to_string(all.size()) +
                            " of this machine " + std::to_string(mine.size()) +
                            " are free: create the pool again with a smaller --max-workers");
}

Status Local::Start(const std::string& id, const Allocation& allocation, Job* job) {
  if (access(settings_.worker_program.c_str(), X_OK) != 0) {
    return NotFound(settings_.worker_program +
                    " is not there: install braid again, or create the pool again with --bin");
  }
  std::set<std::string> taken;
  for (const auto& [other, running] : jobs_) {
    for (const Worker& worker : running.workers)
      if (!worker.process->Wait(0)) taken.insert(worker.gpus.begin(), worker.gpus.end());
  }
  for (int64_t rank = 0; rank < allocation.workers; ++rank) {
    Worker worker;
    BRAID_ASSIGN_OR_RETURN(worker.gpus, TakeGpus(&taken));
    ProcessOptions options;
    options.argv = {"/bin/sh", "-c", WorkerLine(settings_, folder_, id, rank, worker.gpus)};
    // The token is the one that the pool's settings name, whatever this shell uses elsewhere.
    options.env = {{"BRAID_TOKEN_FILE", ""}, {"BRAID_CA", ""}};
    options.output = LogPath(id, static_cast<size_t>(rank));
    BRAID_ASSIGN_OR_RETURN(worker.process, Process::Start(options));
    job->workers.push_back(std::move(worker));
  }
  return OkStatus();
}

Submission Local::Submit(const Allocation& allocation) {
  Submission submission;
  submission.name = allocation.run;
  Job job;
  const Result<std::string> id = NextId();
  const Status started = id.ok() ? Start(*id, allocation, &job) : id.status();
  if (!started.ok()) {
    submission.kind = Submission::Kind::kRefused;
    submission.error = started.message() + "; the agent tries again, later each time";
    return submission;
  }
  submission.id = *id;
  job.said = {*id, submission.name, allocation.workers, allocation.run, "RUNNING"};
  jobs_[*id] = std::move(job);
  return submission;
}

void Local::Look(Job* job) {
  const bool over = std::all_of(job->workers.begin(), job->workers.end(),
                                [](const Worker& worker) { return worker.process->Wait(0); });
  if (!over) return;
  job->said.ended = true;
  job->said.state = "COMPLETED";
  // Of the first one that did not end well; of the last, if all did.
  for (size_t rank = 0; rank < job->workers.size() && job->said.state == "COMPLETED"; ++rank) {
    const ProcessExit& exit = job->workers[rank].process->exit();
    const std::string log = LogPath(job->said.id, rank);
    job->said.advice = AdviceOnExit(exit, LastLineOf(log), log);
    if (exit.code != 0 || exit.signal != 0) job->said.state = "FAILED";
  }
}

Result<std::vector<EngineJob>> Local::List() {
  // Workers of an agent that was killed ended with it, and so did their leases.
  if (!std::exchange(cleaned_, true)) {
    const std::string workers = JoinPath(folder_, kWorkers);
    BRAID_RETURN_IF_ERROR(RemoveTree(workers));
    BRAID_RETURN_IF_ERROR(MakePrivateFolder(workers));
  }
  std::vector<EngineJob> jobs;
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    Look(&job->second);
    jobs.push_back(job->second.said);
    job = job->second.said.ended ? jobs_.erase(job) : std::next(job);
  }
  return jobs;
}

Status Local::Cancel(const std::vector<std::string>& ids, bool waiting_only) {
  if (waiting_only) return OkStatus();
  for (const std::string& id : ids) {
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) continue;
    for (const Worker& worker : job->second.workers) worker.process->Signal(SIGTERM);
  }
  return OkStatus();
}

void Local::Leave() {
  for (const auto& [id, job] : jobs_) {
    for (const Worker& worker : job.workers) worker.process->Signal(SIGTERM);
  }
  const int64_t end_ms = SystemClock().MonotonicMs() + kLeaveMs;
  for (const auto& [id, job] : jobs_) {
    for (const Worker& worker : job.workers)
      worker.process->Wait(std::max<int64_t>(0, end_ms - SystemClock().MonotonicMs()));
  }
}

}  // namespace braid::pool::local
