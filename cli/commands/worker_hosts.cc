#include "cli/commands/worker_hosts.h"

#include <cstdio>
#include <map>
#include <memory>

#include "base/file.h"
#include "cli/commands/list_command.h"
#include "cli/local/host_service.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

struct AddFlags {
  pool::ssh::HostSettings host;
  bool no_unit = false;
};

// "ada@gpu1.example.org" -> "gpu1.example.org"
std::string IdOf(const std::string& host) {
  return host.substr(host.rfind('@') + 1);  // npos + 1 is 0
}

Result<int> Add(const Globals& globals, AddFlags flags) {
  pool::ssh::HostSettings& host = flags.host;
  if (host.id.empty()) host.id = IdOf(host.remote.host);
  // Relative to the home folder there; one folder for each worker, as a host may have several.
  if (host.folder.empty()) host.folder = ".braid-worker/" + host.id;
  if (!host.remote.config.empty()) host.remote.config = AbsolutePath(host.remote.config);
  BRAID_RETURN_IF_ERROR(AddHost(globals, host, !flags.no_unit));
  std::printf("%s\n", host.id.c_str());
  return kOkExit;
}

// The links of all workers, by id; empty if the coordinator does not answer.
std::map<std::string, std::string> Links(const Globals& globals) {
  std::map<std::string, std::string> links;
  Result<Client> client = Connect(globals);
  if (!client.ok()) return links;
  const auto response = client->Call<v1::ListWorkersResponse>(
      &v1::Admin::Stub::ListWorkers, client->admin(), v1::ListWorkersRequest());
  if (!response.ok()) return links;
  for (const v1::Worker& worker : response->workers())
    links[worker.id()] = v1::WorkerLink_Name(worker.link()).substr(7);
  return links;
}

std::string TunnelText(const Globals& globals, const pool::ssh::HostSettings& host) {
  if (!host.tunnel()) return "-";
  return TunnelIsKept(globals, host.id) ? "kept" : "down: braid worker tunnel " + host.id;
}

Result<List> Hosts(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(const auto hosts, AddedHosts(globals));
  const std::map<std::string, std::string> links = Links(globals);
  List list{.header = {"WORKER", "HOST", "FOLDER THERE", "STARTED BY", "TUNNEL", "LINK"}};
  Json all = Json::array();
  for (const pool::ssh::HostSettings& host : hosts) {
    const auto link = links.find(host.id);
    const std::string link_text = link == links.end() ? "-" : link->second;
    all.push_back({{"id", host.id},
                   {"host", host.remote.host},
                   {"folder", host.folder},
                   {"started_by", host.unit ? "systemd" : "process"},
                   {"tunnel", host.tunnel()},
                   {"tunnel_kept", host.tunnel() && TunnelIsKept(globals, host.id)},
                   {"link", link_text}});
    list.rows.push_back({host.id,
                         {host.id, host.remote.host, host.folder, host.unit ? "systemd" : "process",
                          TunnelText(globals, host), link_text}});
  }
  list.json = DumpJson(all);
  return list;
}

void AddOptionsOfAdd(CLI::App* add, AddFlags* flags) {
  pool::ssh::HostSettings& host = flags->host;
  add->add_option("host", host.remote.host, "HOST or USER@HOST, as ssh takes it")->required();
  add->add_option("--id", host.id, "of the worker (default: the host's name)");
  add->add_option("--dir", host.folder,
                  "the worker's folder on the host (default: .braid-worker/ID in the home there)");
  add->add_option("--python", host.python, "a Python of the host that has torch")
      ->capture_default_str();
  add->add_option("--address", host.address,
                  "HOST:PORT by which the host reaches the coordinator (default: the coordinator's "
                  "own, or a tunnel if that is loopback)");
  add->add_option("--ssh-option", host.remote.options,
                  "NAME=VALUE for ssh: Port=2222; may be repeated");
  add->add_option("--ssh-config", host.remote.config, "a file instead of ~/.ssh/config")
      ->check(CLI::ExistingFile);
  add->add_flag("--no-unit", flags->no_unit,
                "start it by a plain process also where the user has a systemd");
  add->add_option("--slots", host.slots, "CPU slots (default: all cores)")
      ->check(CLI::Range(1, 4096));
  add->add_option("--gpus", host.gpus, "all, none, or UUIDs with commas between (default: all)");
  add->add_option("--site", host.site, "where the host is: corpora with this site are there");
  add->add_option("--kinds", host.kinds, "run only jobs of these kinds")->delimiter(',');
  add->add_option("--label", host.labels, "key=value, for people; may be repeated");
  add->add_option("--data-root", host.data_roots,
                  "folder there below which corpora with a site may be read; may be repeated");
  add->add_option(
      "--fetch-from", host.fetch_from,
      "from where it may fetch corpora: public (the default), none, or a HOST, HOST:PORT "
      "or *.DOMAIN, whatever address it has; may be repeated");
  add->add_option("--cache-limit", host.cache_limit, "a size (20GB) or a share of its disk");
  add->add_option("--advertise", host.advertise,
                  "address at which its ranks meet those of other hosts, or none");
}

}  // namespace

void RegisterWorkerHosts(const Registry& registry, CLI::App* worker) {
  auto flags = std::make_shared<AddFlags>();
  CLI::App* add = worker->add_subcommand(
      "add", "Put a worker on a machine that ssh reaches and that has torch, and start it");
  AddOptionsOfAdd(add, flags.get());
  add->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Add(globals, *flags); };
  });
  MakeList(registry,
           worker->add_subcommand("hosts", "The workers that were added, and their tunnels"),
           Hosts);
  auto id = std::make_shared<std::string>();
  auto detach = std::make_shared<bool>(false);
  CLI::App* tunnel = worker->add_subcommand(
      "tunnel", "Keep the tunnel of an added worker as long as this runs");
  tunnel->add_option("id", *id, "of the worker, as braid worker list has it")
      ->type_name(kWorkerValue)
      ->required();
  tunnel->add_flag("--detach", *detach, "in the background");
  tunnel->callback([registry, id, detach] {
    registry.chosen = [&globals = registry.globals, id, detach]() -> Result<int> {
      if (!*detach) return KeepTunnel(globals, *id);
      BRAID_RETURN_IF_ERROR(StartTunnel(globals, *id));
      return kOkExit;
    };
  });
}

}  // namespace braid::cli
