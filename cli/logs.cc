// braid logs: what a job wrote.
#include <cstdio>

#include "cli/command.h"

namespace braid::cli {
namespace {

struct LogFlags {
  std::string run, job;
  bool follow = false;
  int64_t tail = 0;
  int64_t attempt = 0;
  int32_t rank = 0;
};

Result<int> Logs(const Globals& globals, const LogFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(flags.run));
  grpc::ClientContext context;
  v1::ReadLogRequest request;
  request.set_run_id(run.id());
  request.set_job(flags.job);
  request.set_epoch(flags.attempt);
  request.set_rank(flags.rank);
  request.set_follow(flags.follow);
  request.set_tail_lines(flags.tail);
  const auto reader = client.jobs()->ReadLog(&context, request);
  v1::LogChunk chunk;
  while (reader->Read(&chunk)) {
    std::fwrite(chunk.data().data(), 1, chunk.data().size(), stdout);
    std::fflush(stdout);
  }
  BRAID_RETURN_IF_ERROR(FromGrpc(reader->Finish(), client.address()));
  return kOkExit;
}

}  // namespace

void RegisterLogs(const Registry& registry) {
  auto flags = std::make_shared<LogFlags>();
  CLI::App* command = registry.app.add_subcommand("logs", "What a job wrote");
  command->add_option("run", flags->run)->required();
  command->add_option("job", flags->job)->required();
  command->add_flag("-f,--follow", flags->follow, "go on until the job has ended, also across attempts");
  command->add_option("--tail", flags->tail, "only the last lines")->check(CLI::NonNegativeNumber);
  command->add_option("--attempt", flags->attempt, "of an earlier attempt (default: the newest)");
  command->add_option("--rank", flags->rank, "of another rank of a gang");
  command->callback([registry, flags] { registry.chosen = [&globals = registry.globals, flags] { return Logs(globals, *flags); }; });
}

}  // namespace braid::cli
