#include "pool/slurm/slurm.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "pool/memory.h"
#include "pool/shell.h"
#include "pool/slurm/advice.h"
#include "pool/worker_words.h"

namespace braid::pool::slurm {
namespace {

constexpr char kMark[] = "braid:";
constexpr char kLogs[] = "logs";
// Codes of CommandResult above this are signals.
constexpr int kSignalled = 128;

// The command line of a worker. It stands in a shell that knows SLURM_JOB_ID and SLURM_PROCID.
std::string WorkerLine(const Settings& s) {
  std::string words = WorkerWords(s) + " --gpus " + (s.gpus > 0 ? "all" : "none");
  words += " --id " + ShellQuoted(s.name) + ".$SLURM_JOB_ID.${SLURM_PROCID:-0}";
  words += " --dir \"" + s.worker_dir + "/braid-$SLURM_JOB_ID.${SLURM_PROCID:-0}\"";
  return words + " --max-time \"$BRAID_TIME_LEFT\"";
}

// A pool that was made before there were marks has none.
std::string MarkOf(const Settings& s) {
  return s.mark.empty() ? "-" : s.mark;
}

// The name of a run as a part of a job's name and of its comment.
std::string PlainRun(std::string run) {
  for (char& c : run) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '-') c = '_';
  }
  return run;
}

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
}

// The error output of a failed program.
std::string WordsOf(const std::string& program, const CommandResult& result) {
  const std::string& words = result.err.empty() ? result.out : result.err;
  return words.empty() ? program + " ended with code " + std::to_string(result.code) : words;
}

}  // namespace

std::string JobName(const Settings& s, const Allocation& allocation) {
  return kMark + s.name + ":" + MarkOf(s) + ":" + std::to_string(allocation.workers) + ":" +
         PlainRun(allocation.run);
}

std::string IdFrom(const std::string& printed) {
  std::string id;
  for (const std::string& line : Split(printed, '\n')) {
    const std::string first = Split(line, ';').at(0);
    if (ParseInt(first).ok()) id = first;
  }
  return id;
}

std::vector<EngineJob> ParseQueue(const Settings& settings, const std::string& text) {
  std::vector<EngineJob> jobs;
  for (const std::string& line : Split(text, '\n')) {
    const std::vector<std::string> fields = Split(line, '|');
    if (fields.size() != 4) continue;
    const std::vector<std::string> name = Split(fields[3], ':');
    if (name.size() != 5 || name[0] + ":" != kMark || name[1] != settings.name ||
        name[2] != MarkOf(settings))
      continue;
    const Result<int64_t> workers = ParseInt(name[3]);
    if (!workers.ok() || *workers < 1) continue;
    // Squeue writes the reason of a job that does not wait as "None".
    const std::string reason = fields[2] == "None" ? "" : fields[2];
    EngineJob job{fields[0], fields[3], *workers, name[4], fields[1], reason};
    job.ended = HasEnded(job.state);
    job.advice = job.ended ? AdviceOnEnd(job.state, "") : AdviceOnReason(reason);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::string ScriptOf(const Settings& settings) {
  std::string script =
      "#!/bin/sh\n"
      "# Starts the workers of one job of a braid pool; made by `braid pool`.\n";
  for (const std::string& line : settings.setup) script += line + "\n";
  script +=
      "BRAID_TIME_LEFT=$(squeue --noheader --jobs=\"$SLURM_JOB_ID\" --format=%L)\n"
      "case \"$BRAID_TIME_LEFT\" in *[0-9]*) ;; *) BRAID_TIME_LEFT=UNLIMITED ;; esac\n"
      "export BRAID_TIME_LEFT\n";
  const std::string worker = WorkerLine(settings);
  script += "if [ \"${SLURM_NTASKS:-1}\" -gt 1 ]; then\n";
  script += "  exec srun --kill-on-bad-exit=0 --mpi=none --cpus-per-task=" +
            std::to_string(settings.cpu_slots) + " sh -c " + ShellQuoted("exec " + worker) + "\n";
  script += "fi\n";
  return script + "exec " + worker + "\n";
}

std::vector<std::string> SubmitWords(const Settings& s, const std::string& folder,
                                     const Allocation& allocation) {
  std::vector<std::string> words = {
      "sbatch",
      "--parsable",
      "--no-requeue",
      "--job-name=" + JobName(s, allocation),
      "--comment=braid pool " + s.name + ", run " + PlainRun(allocation.run),
      "--ntasks=" + std::to_string(allocation.workers),
      "--cpus-per-task=" + std::to_string(s.cpu_slots),
      "--chdir=" + folder,
      "--output=" + JoinPath(JoinPath(folder, kLogs), "%j.log")};
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!value.empty()) words.push_back(option + "=" + value);
  };
  add("--account", s.account);
  add("--partition", s.partition);
  add("--qos", s.qos);
  add("--constraint", s.constraint);
  add("--gres", s.gres);
  if (s.gres.empty() && s.gpus > 0) add("--gpus-per-task", std::to_string(s.gpus));
  if (const std::string memory = SlurmMemory(s, allocation.workers); !memory.empty())
    words.push_back(memory);
  add("--time", s.time);
  words.insert(words.end(), s.extra.begin(), s.extra.end());
  return words;
}

std::string Slurm::ScriptPath() const {
  return JoinPath(folder_, "worker.sh");
}

Status Slurm::Check(bool ask) {
  BRAID_RETURN_IF_ERROR(MakeFolder(JoinPath(folder_, kLogs)));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(ScriptPath(), ScriptOf(settings_)));
  if (!ask) return OkStatus();
  std::vector<std::string> words = SubmitWords(settings_, folder_, {1, "test"});
  words.insert(words.begin() + 1, "--test-only");
  words.push_back(ScriptPath());
  const Result<CommandResult> result = RunCommand(words, timeout_ms_);
  if (!result.ok()) return FailedPrecondition(AdviceOn(result.status().message()));
  if (result->code == 0) return OkStatus();
  return FailedPrecondition(AdviceOn(WordsOf("sbatch", *result)));
}

Result<std::vector<EngineJob>> Slurm::List() {
  BRAID_ASSIGN_OR_RETURN(const std::string queue, Ask({"squeue", "--me", "--noheader",
                                                       "--states=all", "--format=%i|%T|%r|%j"}));
  std::vector<EngineJob> jobs = ParseQueue(settings_, queue);
  for (EngineJob& job : jobs) {
    if (job.state != "FAILED" && job.state != "COMPLETED") continue;
    const std::string log = JoinPath(JoinPath(folder_, kLogs), job.id + ".log");
    if (const Result<std::string> text = ReadFile(log); text.ok())
      job.advice = AdviceOnEnd(job.state, LastLine(*text));
  }
  return jobs;
}

Submission Slurm::Submit(const Allocation& allocation) {
  Submission submission;
  submission.name = JobName(settings_, allocation);
  std::vector<std::string> words = SubmitWords(settings_, folder_, allocation);
  words.push_back(ScriptPath());
  const Result<CommandResult> result = RunCommand(words, timeout_ms_);
  if (!result.ok()) {
    submission.kind = result.status().code() == StatusCode::kDeadlineExceeded
                          ? Submission::Kind::kUnknown
                          : Submission::Kind::kRefused;
    submission.error = AdviceOn(result.status().message());
    return submission;
  }
  submission.id = IdFrom(result->out);
  if (result->code == 0 && !submission.id.empty()) return submission;
  // It may have been killed behind its work, or its answer is hidden by what a site's own sbatch
  // prints.
  const bool unknown = result->code == 0 || result->code > kSignalled;
  submission.kind = unknown ? Submission::Kind::kUnknown : Submission::Kind::kRefused;
  submission.error = AdviceOn(WordsOf("sbatch", *result));
  return submission;
}

Status Slurm::Cancel(const std::vector<std::string>& ids, bool waiting_only) {
  std::vector<std::string> words = {"scancel", "--quiet"};
  if (waiting_only) words.emplace_back("--state=PENDING");
  words.insert(words.end(), ids.begin(), ids.end());
  return Ask(words).status();
}

Result<std::string> Slurm::Ask(const std::vector<std::string>& words) {
  const Result<CommandResult> result = RunCommand(words, timeout_ms_);
  if (!result.ok()) return Unavailable(AdviceOn(result.status().message()));
  if (result->code != 0) return Unavailable(AdviceOn(WordsOf(words[0], *result)));
  return result->out;
}

}  // namespace braid::pool::slurm
