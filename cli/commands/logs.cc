// braid logs: what a job wrote.
#include <cstdio>

#include "base/json.h"
#include "cli/commands/command.h"
#include "cli/shared/follow_run.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

struct LogFlags {
  std::string run, job;
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
    Print(globals, chunk);
    std::fflush(stdout);
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

Result<int> Logs(const Globals& globals, const LogFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(flags.run));
  v1::ReadLogRequest request;
  request.set_run_id(run.id());
  request.set_job(flags.job);
  request.set_epoch(flags.attempt);
  request.set_rank(flags.rank);
  request.set_follow(flags.follow);
  request.set_tail_lines(flags.tail);
  Patience patience;
  bool resumed = false;
  while (true) {
    const Status status = ReadOn(globals, client, &request);
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

}  // namespace

void RegisterLogs(const Registry& registry) {
  auto flags = std::make_shared<LogFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "logs", "What a job wrote (-o json: a line for each piece of it)");
  command->add_option("run", flags->run)->required();
  command->add_option("job", flags->job)->required();
  command->add_flag("-f,--follow", flags->follow,
                    "go on until the job has ended, also across attempts");
  command->add_option("--tail", flags->tail, "only the last lines")->check(CLI::NonNegativeNumber);
  command->add_option("--attempt", flags->attempt, "of an earlier attempt (default: the newest)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--rank", flags->rank, "of another rank of a gang")
      ->check(CLI::NonNegativeNumber);
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Logs(globals, *flags); };
  });
}

}  // namespace braid::cli
