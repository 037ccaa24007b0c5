#include "cli/commands/worker_describe.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/excerpt.h"
#include "base/text.h"
#include "cli/shared/completion.h"
#include "cli/shared/machine_load.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

// Text from workers and programs is printed without control characters.
void PrintField(const char* name, const std::string& value) {
  if (!value.empty()) std::printf("%-8s %s\n", name, Excerpt(value, kMessageBytes).c_str());
}

std::string SlotsText(const v1::Worker& worker) {
  std::string text = std::to_string(worker.slots_used()) + " in use of " +
                     std::to_string(worker.cpu_slots()) + " CPU slots";
  for (const v1::Gpu& gpu : worker.gpus()) text += ", " + gpu.name();
  if (worker.memory_bytes() > 0)
    text += ", " + FormatBytes(static_cast<uint64_t>(worker.memory_bytes())) + " of memory";
  return text;
}

// The last hour.
void PrintCurves(const v1::WorkerLoads& loads) {
  for (const v1::WorkerLoad& load : loads.workers()) {
    const int64_t piece_ms = loads.piece_interval_ms();
    PrintField("CPU", LoadCurveText(load.cpu(), piece_ms));
    PrintField("memory", LoadCurveText(load.memory(), piece_ms));
    PrintField("GPU", LoadCurveText(load.gpu(), piece_ms));
    PrintField("GPU mem", LoadCurveText(load.gpu_memory(), piece_ms));
  }
}

void Describe(const v1::Worker& worker, const v1::WorkerLoads& loads) {
  PrintField("worker", worker.id());
  PrintField("site", worker.site());
  PrintField("host", worker.host());
  PrintField("version", worker.version());
  PrintField("link", v1::WorkerLink_Name(worker.link()).substr(7) + ", seen " +
                         Ago(worker.last_seen_ms()) + " ago");
  PrintField("admit", AdmitText(worker));
  if (worker.quarantine_until_ms() > 0)
    PrintField("until", FormatUtc(worker.quarantine_until_ms()));
  PrintField("why", worker.quarantine());
  PrintField("slots", SlotsText(worker));
  for (const std::string& line : LoadLines(worker)) PrintField("load", line);
  PrintCurves(loads);
  PrintField("meets at", worker.address());
  for (const auto& [key, value] : worker.labels()) PrintField("label", key + "=" + value);
  for (const v1::RankId& rank : worker.ranks())
    PrintField("runs", rank.run_id() + "/" + rank.job() + ", rank " + std::to_string(rank.rank()));
  for (const v1::WorkerFailure& failure : worker.failures())
    PrintField("failed",
               FormatUtc(failure.time_ms()) + " " + failure.job() + ": " + failure.error());
  for (const v1::RefusedGpu& gpu : worker.refused_gpus()) PrintField("no GPU", gpu.reason());
  for (const v1::Reach& reach : worker.reach()) {
    if (!reach.reached()) PrintField("no way", "to " + reach.worker() + ": " + reach.why());
  }
}

Result<int> DescribeWorker(const Globals& globals, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(
      const v1::ListWorkersResponse list,
      (client.Call<v1::ListWorkersResponse>(&v1::Admin::Stub::ListWorkers, client.admin(),
                                            v1::ListWorkersRequest())));
  const auto found = std::find_if(list.workers().begin(), list.workers().end(),
                                  [&](const v1::Worker& worker) { return worker.id() == id; });
  if (found == list.workers().end()) {
    return Status(StatusCode::kNotFound, ErrorReason::kNotFound,
                  "there is no worker " + id + ": `braid worker list` shows all");
  }
  if (globals.json()) return PrintJson(globals, *found), kOkExit;
  if (globals.output == "name") return std::printf("%s\n", found->id().c_str()), kOkExit;
  v1::GetWorkerLoadsRequest request;
  request.add_workers(id);
  BRAID_ASSIGN_OR_RETURN(
      const v1::WorkerLoads loads,
      (client.Call<v1::WorkerLoads>(&v1::Admin::Stub::GetWorkerLoads, client.admin(), request)));
  Describe(*found, loads);
  return kOkExit;
}

}  // namespace

void RegisterWorkerDescribe(const Registry& registry, CLI::App* worker) {
  auto id = std::make_shared<std::string>();
  CLI::App* describe = worker->add_subcommand(
      "describe", "One worker: what it runs, which jobs failed there, why it gets none");
  describe->add_option("id", *id, "of the worker, as braid worker list has it")
      ->type_name(kWorkerValue)
      ->required();
  describe->callback([registry, id] {
    registry.chosen = [&globals = registry.globals, id] { return DescribeWorker(globals, *id); };
  });
}

}  // namespace braid::cli
