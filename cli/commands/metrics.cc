// braid metrics: the numbers of a training, step by step.
#include <cstdio>
#include <map>

#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/metric_stream.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

// Exact numbers either way: what is printed reads back as the same bits.
void Print(const Globals& globals, const v1::MetricPoint& point) {
  if (globals.json()) return PrintJsonLine(globals, point);
  std::string line = Format("step %6lld", (long long)point.step());
  for (const auto& [name, value] : std::map(point.values().begin(), point.values().end()))
    line += "  " + name + " " + FormatDouble(value);
  std::printf("%s\n", line.c_str());
}

Result<int> Metrics(const Globals& globals, const std::string& run_id, const std::string& job,
                    bool follow) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(run_id));
  const auto print = [&](const v1::MetricPoint& point) {
    Print(globals, point);
    return OkStatus();
  };
  const auto flush = [] {
    std::fflush(stdout);
    return OkStatus();
  };
  BRAID_RETURN_IF_ERROR(ReadMetrics(client, run.id(), job, follow, print, flush));
  return kOkExit;
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
