// braid metrics: the numbers of a training, step by step.
#include <cstdio>
#include <map>
#include <set>

#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/csv.h"
#include "cli/shared/metric_stream.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

// Prints points as they come. The numbers are exact in every form: what is printed reads back as
// the same bits.
class PointPrinter {
 public:
  explicit PointPrinter(const Globals& globals) : globals_(globals) {
    if (globals.output == "csv" && !globals.no_header) std::printf("STEP,METRIC,VALUE\n");
  }

  void Print(const v1::MetricPoint& point) {
    if (globals_.json()) return PrintJsonLine(globals_, point);
    const std::map<std::string, double> values(point.values().begin(), point.values().end());
    if (globals_.output == "csv") {
      // A metric that is measured now and then has no column that would be empty elsewhere.
      for (const auto& [name, value] : values) {
        std::printf("%lld,%s,%s\n", (long long)point.step(), CsvField(name).c_str(),
                    FormatDouble(value).c_str());
      }
    } else if (globals_.output == "name") {
      for (const auto& [name, value] : values) {
        if (named_.insert(name).second) std::printf("%s\n", name.c_str());
      }
    } else {
      std::string line = Format("step %6lld", (long long)point.step());
      for (const auto& [name, value] : values) line += "  " + name + " " + FormatDouble(value);
      std::printf("%s\n", line.c_str());
    }
  }

 private:
  const Globals& globals_;
  std::set<std::string> named_;  // that were printed as names
};

Result<int> Metrics(const Globals& globals, const std::string& run_id, const std::string& job,
                    bool follow) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run run, client.GetRun(run_id));
  PointPrinter printer(globals);
  const auto print = [&](const v1::MetricPoint& point) {
    printer.Print(point);
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
      "metrics",
      "The numbers of a training, step by step (-o json: a line each; -o csv: step, metric, "
      "value)");
  command->add_option("run", *run, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->add_option("job", *job, "name of a job of the run")->type_name(kJobValue)->required();
  command->add_flag("-f,--follow", *follow, "go on until the job has ended");
  command->callback([registry, run, job, follow] {
    registry.chosen = [&globals = registry.globals, run, job, follow] {
      return Metrics(globals, *run, *job, *follow);
    };
  });
}

}  // namespace braid::cli
