// braid metrics: the numbers of a training, step by step.
#include <cstdio>
#include <map>

#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/follow_run.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

// Exact numbers either way: what is printed reads back as the same bits.
void Print(const Globals& globals, const v1::MetricPoint& point) {
  if (globals.json()) return PrintJsonLine(point);
  std::string line = Format("step %6lld", (long long)point.step());
  for (const auto& [name, value] : std::map(point.values().begin(), point.values().end()))
    line += "  " + name + " " + FormatDouble(value);
  std::printf("%s\n", line.c_str());
}

// Prints one stream to its end; the request then asks for what comes after.
Status ReadOn(const Globals& globals, Client& client, v1::ReadMetricsRequest* request) {
  grpc::ClientContext context;
  const auto reader = client.jobs()->ReadMetrics(&context, *request);
  v1::MetricPoints points;
  while (reader->Read(&points)) {
    for (const v1::MetricPoint& point : points.points()) {
      Print(globals, point);
      request->set_since_step(point.step() + 1);
    }
    std::fflush(stdout);
  }
  return client.StatusOf(reader->Finish());
}

Result<int> Metrics(const Globals& globals, const std::string& run_id, const std::string& job,
                    bool follow) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(run_id));
  v1::ReadMetricsRequest request;
  request.set_run_id(run.id());
  request.set_job(job);
  request.set_follow(follow);
  Patience patience;
  while (true) {
    const int64_t before = request.since_step();
    const Status status = ReadOn(globals, client, &request);
    if (status.ok()) return kOkExit;
    if (request.since_step() != before) patience = Patience();
    if (!follow || !patience.Wait(status)) return status;
  }
}

}  // namespace

void RegisterMetrics(const Registry& registry) {
  auto run = std::make_shared<std::string>();
  auto job = std::make_shared<std::string>();
  auto follow = std::make_shared<bool>(false);
  CLI::App* command = registry.app.add_subcommand(
      "metrics", "The numbers of a training, step by step (-o json: a line each, exact)");
  command->add_option("run", *run)->required();
  command->add_option("job", *job)->required();
  command->add_flag("-f,--follow", *follow, "go on until the job has ended");
  command->callback([registry, run, job, follow] {
    registry.chosen = [&globals = registry.globals, run, job, follow] {
      return Metrics(globals, *run, *job, *follow);
    };
  });
}

}  // namespace braid::cli
