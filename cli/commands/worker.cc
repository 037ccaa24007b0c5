// braid worker list, cordon, drain, release; worker_describe.cc has describe, worker_access.cc
// invite and remove, worker_hosts.cc what is done by ssh.
#include <cstdio>

#include "base/random.h"
#include "cli/commands/list_command.h"
#include "cli/commands/worker_access.h"
#include "cli/commands/worker_describe.h"
#include "cli/commands/worker_hosts.h"
#include "cli/shared/completion.h"
#include "cli/shared/machine_load.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

Result<List> Workers(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(
      const v1::ListWorkersResponse response,
      (client.Call<v1::ListWorkersResponse>(&v1::Admin::Stub::ListWorkers, client.admin(),
                                            v1::ListWorkersRequest())));
  List list{.header = {"WORKER", "SITE", "LINK", "ADMIT", "SLOTS", "GPUS", "HOST", "MEETS AT",
                       "SEEN", "CPU", "MEM", "GPU BUSY", "GPU MEM"},
            .json = JsonText(response)};
  for (const v1::Worker& worker : response.workers()) {
    const std::string slots = std::to_string(worker.slots_used()) + "/" +
                              std::to_string(worker.cpu_slots());
    const LoadCells load = LoadCellsOf(worker.load());
    list.rows.push_back(
        {worker.id(),
         {worker.id(), worker.site(), v1::WorkerLink_Name(worker.link()).substr(7),
          AdmitText(worker), Cell(slots, worker.slots_used()), CountCell(worker.gpus_size()),
          worker.host(),
          worker.address().empty() ? "-" : worker.address() + "%" + worker.interface(),
          AgeCell(worker.last_seen_ms()), load.cpu, load.memory, load.gpu, load.gpu_memory}});
    if (!worker.quarantine().empty()) list.notes.push_back(worker.quarantine());
    for (const v1::RefusedGpu& gpu : worker.refused_gpus()) list.notes.push_back(gpu.reason());
  }
  return list;
}

Result<int> Cordon(const Globals& globals, const std::string& id, bool open) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::CordonWorkerRequest request;
  request.set_id(id);
  request.set_open(open);
  request.set_request_id(RandomUuid());
  BRAID_ASSIGN_OR_RETURN(
      const v1::Worker worker,
      (client.Call<v1::Worker>(&v1::Admin::Stub::CordonWorker, client.admin(), request)));
  if (globals.json()) return PrintJson(globals, worker), kOkExit;
  std::printf("%s\n", worker.id().c_str());
  return kOkExit;
}

Result<int> Drain(const Globals& globals, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::DrainWorkerRequest request;
  request.set_id(id);
  request.set_request_id(RandomUuid());
  BRAID_ASSIGN_OR_RETURN(
      const v1::Worker worker,
      (client.Call<v1::Worker>(&v1::Admin::Stub::DrainWorker, client.admin(), request)));
  if (globals.json()) return PrintJson(globals, worker), kOkExit;
  std::printf("%s\n", worker.id().c_str());
  return kOkExit;
}

Result<int> Release(const Globals& globals, const std::string& id) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::ReleaseWorkerRequest request;
  request.set_id(id);
  request.set_request_id(RandomUuid());
  BRAID_ASSIGN_OR_RETURN(
      const v1::Worker worker,
      (client.Call<v1::Worker>(&v1::Admin::Stub::ReleaseWorker, client.admin(), request)));
  if (globals.json()) return PrintJson(globals, worker), kOkExit;
  std::printf("%s\n", worker.id().c_str());
  return kOkExit;
}

}  // namespace

void RegisterWorker(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("worker", "Workers and what they take");
  command->require_subcommand(1);
  MakeList(registry, command->add_subcommand("list", "All workers that have registered"), Workers);
  auto id = std::make_shared<std::string>();
  auto open = std::make_shared<bool>(false);
  CLI::App* cordon = command->add_subcommand("cordon",
                                             "Give a worker no new jobs; what runs goes on");
  cordon->add_option("id", *id, "of the worker, as braid worker list has it")
      ->type_name(kWorkerValue)
      ->required();
  cordon->add_flag("--open", *open, "take it back");
  cordon->callback([registry, id, open] {
    registry.chosen = [&globals = registry.globals, id, open] {
      return Cordon(globals, *id, *open);
    };
  });
  CLI::App* drain = command->add_subcommand(
      "drain", "Move what runs elsewhere, with checkpoints, and cordon");
  drain->add_option("id", *id, "of the worker, as braid worker list has it")
      ->type_name(kWorkerValue)
      ->required();
  drain->callback([registry, id] {
    registry.chosen = [&globals = registry.globals, id] { return Drain(globals, *id); };
  });
  CLI::App* release = command->add_subcommand(
      "release", "End the quarantine of a worker on which jobs failed one after another");
  release->add_option("id", *id, "of the worker, as braid worker list has it")
      ->type_name(kWorkerValue)
      ->required();
  release->callback([registry, id] {
    registry.chosen = [&globals = registry.globals, id] { return Release(globals, *id); };
  });
  RegisterWorkerDescribe(registry, command);
  RegisterWorkerAccess(registry, command);
  RegisterWorkerHosts(registry, command);
}

}  // namespace braid::cli
