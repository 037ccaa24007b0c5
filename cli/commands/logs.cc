// braid logs: what jobs wrote.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include "base/excerpt.h"
#include "base/json.h"
#include "cli/commands/command.h"
#include "cli/shared/columns.h"
#include "cli/shared/completion.h"
#include "cli/shared/follow_run.h"
#include "cli/shared/line_pattern.h"
#include "cli/shared/print.h"
#include "cli/shared/run_logs.h"

namespace braid::cli {
namespace {

constexpr std::chrono::milliseconds kReadAgain{500};

struct LogFlags {
  std::string run, grep;
  std::vector<std::string> jobs;
  bool follow = false;
  int64_t tail = 0;
  int64_t attempt = 0;
  int32_t rank = 0;
};

// As it is, or as JSON a line for each piece; bytes that are no UTF-8 are replaced there.
void Print(const Globals& globals, const v1::LogChunk& chunk) {
  if (!globals.json()) {
    std::fwrite(chunk.data().data(), 1, chunk.data().size(), stdout);
    return;
  }
  const Json line = {
      {"attempt", chunk.epoch()}, {"offset", chunk.offset()}, {"text", chunk.data()}};
  PrintLine(globals, line.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Reads one stream to its end and moves the request to what comes after; what was printed is not
// asked for again.
Status ReadOn(const Globals& globals, Client& client, v1::ReadLogRequest* request) {
  grpc::ClientContext context;
  const auto reader = client.jobs()->ReadLog(&context, *request);
  v1::LogChunk chunk;
  while (reader->Read(&chunk)) {
    if (std::ferror(stdout) != 0) continue;  // nobody reads; it is cancelled below
    Print(globals, chunk);
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) context.TryCancel();
    request->set_epoch(chunk.epoch());
    request->set_offset(chunk.offset() + static_cast<int64_t>(chunk.data().size()));
    request->set_tail_lines(0);
  }
  return client.StatusOf(reader->Finish());
}

// True if there may be more: the job has not ended, or has an attempt after the one of the request.
Result<bool> MoveOn(Client& client, v1::ReadLogRequest* request) {
  v1::GetJobRequest get;
  get.set_run_id(request->run_id());
  get.set_name(request->job());
  BRAID_ASSIGN_OR_RETURN(const v1::Job job,
                         (client.Call<v1::Job>(&v1::Jobs::Stub::GetJob, client.jobs(), get)));
  const int64_t newest = job.attempts_size() == 0 ? 0 : job.attempts().rbegin()->epoch();
  if (newest > request->epoch()) {
    request->set_epoch(request->epoch() + 1);
    request->set_offset(0);
    return true;
  }
  return job.state() < v1::JOB_SUCCEEDED;
}

// One log, as the program wrote it.
Result<int> OneLog(const Globals& globals, Client& client, const std::string& run_id,
                   const LogFlags& flags) {
  v1::ReadLogRequest request;
  request.set_run_id(run_id);
  request.set_job(flags.jobs.front());
  request.set_epoch(flags.attempt);
  request.set_rank(flags.rank);
  request.set_follow(flags.follow);
  request.set_tail_lines(flags.tail);
  Patience patience;
  bool resumed = false;
  while (true) {
    const Status status = ReadOn(globals, client, &request);
    if (std::ferror(stdout) != 0) return kOkExit;
    if (status.ok()) {
      if (!resumed || flags.attempt != 0) return kOkExit;
      // A stream that was taken up again names its attempt, and ends with it.
      BRAID_ASSIGN_OR_RETURN(const bool more, MoveOn(client, &request));
      if (!more) return kOkExit;
      patience = Patience();
    } else if (!flags.follow || !patience.Wait(status)) {
      return status;
    } else {
      resumed = request.epoch() > 0;
    }
  }
}

// The columns of the names before the lines; 0: no name, as one log was asked for.
int PrefixColumns(const v1::Run& run, const std::vector<std::string>& jobs) {
  if (jobs.size() == 1) return 0;
  int columns = 0;
  for (const v1::Job& job : run.jobs()) {
    if (jobs.empty() || std::find(jobs.begin(), jobs.end(), job.name()) != jobs.end())
      columns = std::max(columns, ColumnsOf(job.name()));
  }
  return columns;
}

void PrintLines(const Globals& globals, int prefix_columns, const std::vector<LogLine>& lines) {
  for (const LogLine& line : lines) {
    if (globals.json()) {
      const Json document = {{"job", line.job},
                             {"attempt", line.attempt},
                             {"offset", line.offset},
                             {"text", line.text}};
      PrintLine(globals, document.dump(-1, ' ', false, Json::error_handler_t::replace));
      continue;
    }
    const std::string prefix = prefix_columns == 0 ? "" : Fit(line.job, prefix_columns) + " | ";
    std::fputs(prefix.c_str(), stdout);
    // What one job prints must not move the cursor over the lines of others.
    const std::string text = prefix_columns > 0 && isatty(STDOUT_FILENO) != 0
                                 ? Excerpt(line.text, line.text.size())
                                 : line.text;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
  }
  std::fflush(stdout);
}

// The lines of several logs, those that were written first before the others.
Result<int> Lines(const Globals& globals, Client& client, v1::Run run, const LogFlags& flags) {
  std::optional<LinePattern> pattern;
  if (!flags.grep.empty()) {
    BRAID_ASSIGN_OR_RETURN(pattern, LinePattern::Make(flags.grep));
  }
  // Of what is looked for, the last lines are known only when all were read.
  RunLogs logs(&client, {.jobs = flags.jobs,
                         .rank = flags.rank,
                         .attempt = flags.attempt,
                         .tail = pattern.has_value() ? 0 : flags.tail});
  const int prefix_columns = PrefixColumns(run, flags.jobs);
  Patience patience, of_run;
  std::vector<LogLine> lines;
  for (bool first = true;;) {
    const Status status = logs.Read(run, &lines);
    if (!status.ok() && (!flags.follow || !patience.Wait(status))) return status;
    if (status.ok()) {
      patience = Patience();
      if (pattern.has_value())
        std::erase_if(lines, [&](const LogLine& line) { return !pattern->Matches(line.text); });
      if (first && flags.tail > 0) KeepLast(flags.tail, &lines);
      SortByTime(&lines);
      PrintLines(globals, prefix_columns, lines);
      lines.clear();
      first = false;
      if (!flags.follow || logs.over() || std::ferror(stdout) != 0) return kOkExit;
      std::this_thread::sleep_for(kReadAgain);
    }
    Result<v1::Run> now = client.GetRun(run.id());
    if (now.ok()) {
      run = *std::move(now);
      of_run = Patience();
    } else if (!of_run.Wait(now.status())) {
      return now.status();
    }
  }
}

Result<int> Logs(const Globals& globals, const LogFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(v1::Run run, client.GetRun(flags.run));
  BRAID_RETURN_IF_ERROR(
      CheckLogOptions(run, {.jobs = flags.jobs, .rank = flags.rank, .attempt = flags.attempt}));
  if (flags.jobs.size() == 1 && flags.grep.empty()) return OneLog(globals, client, run.id(), flags);
  return Lines(globals, client, std::move(run), flags);
}

}  // namespace

void RegisterLogs(const Registry& registry) {
  auto flags = std::make_shared<LogFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "logs", "What jobs wrote, of several in the order of time (-o json: a line for each piece)");
  command->add_option("run", flags->run, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command
      ->add_option("jobs", flags->jobs,
                   "of these jobs; without one, of all, with its name before each line")
      ->type_name(kJobValue);
  command->add_flag("-f,--follow", flags->follow,
                    "go on until the jobs have ended, also across attempts");
  command->add_option("--tail", flags->tail, "only the last lines of each job")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--grep", flags->grep,
                      "only lines in which this regular expression is found, as grep -E reads it");
  command->add_option("--attempt", flags->attempt, "of an earlier attempt (default: the newest)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--rank", flags->rank, "of another rank of gangs")
      ->check(CLI::NonNegativeNumber);
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Logs(globals, *flags); };
  });
}

}  // namespace braid::cli
