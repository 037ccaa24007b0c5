// braid up: a coordinator and workers on this machine, from nothing, and kept running.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "base/state_files.h"
#include "cli/commands/command.h"
#include "cli/local/service.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

struct UpFlags {
  ServiceOptions service{.workers = -1, .slots = 0};  // until they are known: as many as fit
  bool detach = false;
};

// Defaults for options that were not given, from the number of cores of this machine.
void FillIn(ServiceOptions* service) {
  const auto cores = static_cast<int32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  if (service->workers < 0) service->workers = std::min(2, cores);
  if (service->slots == 0) service->slots = std::max(1, cores / std::max(1, service->workers));
}

Result<int> Up(const Globals& globals, UpFlags flags) {
  FillIn(&flags.service);
  if (!flags.detach) return RunInForeground(globals, flags.service);
  BRAID_ASSIGN_OR_RETURN(const int code, RunDetached(globals, flags.service));
  if (globals.json()) {
    BRAID_ASSIGN_OR_RETURN(Json up, ReadJsonFile(JoinPath(globals.dir, state_files::kAddress)));
    up.update({{"dir", AbsolutePath(globals.dir)},
               {"workers", flags.service.workers},
               {"slots", flags.service.slots}});
    PrintJson(globals, up);
  }
  return code;
}

}  // namespace

void RegisterUp(const Registry& registry) {
  auto flags = std::make_shared<UpFlags>();
  CLI::App* command = registry.app.add_subcommand(
      "up", "Start a coordinator and workers on this machine and keep them running");
  command
      ->add_option("--workers", flags->service.workers,
                   "number of workers (default: 2, or 1 on one core)")
      ->check(CLI::Range(0, 256));
  command
      ->add_option("--slots", flags->service.slots,
                   "CPU slots of each worker (default: cores / workers)")
      ->check(CLI::Range(1, 4096));
  command
      ->add_option(
          "--gpus", flags->service.gpus,
          "GPUs of worker-1 (the others have none): all, none, or UUIDs with commas between")
      ->capture_default_str();
  command
      ->add_option("--advertise", flags->service.advertise,
                   "address at which ranks of the workers meet those of other hosts, as "
                   "braid-worker takes it")
      ->capture_default_str();
  command->add_flag("--detach", flags->detach,
                    "return when everything is ready; braid down ends it");
  command
      ->add_option("--listen", flags->service.listen,
                   "address of the API; port 0 takes a free one. Anywhere but on loopback it "
                   "speaks TLS: 0.0.0.0:7070")
      ->capture_default_str();
  command->add_option("--tls-name", flags->service.tls_names,
                      "a name or address by which others reach the API, besides those of this "
                      "machine; may be repeated");
  command
      ->add_option("--http", flags->service.http,
                   "address of the dashboard, the JSON API and metrics; port 0 takes a free one. "
                   "Anywhere but on loopback it speaks HTTPS: 0.0.0.0:7071")
      ->capture_default_str();
  command->add_flag_callback(
      "--http-tls", [flags] { flags->service.coordinator_words.push_back("--http-tls"); },
      "speak HTTPS on loopback, too");
  command->add_flag_callback(
      "--preempt", [flags] { flags->service.coordinator_words.push_back("--preempt"); },
      "stop running trainings, with a checkpoint, for runs of a higher priority");
  command->add_option(
      "--http-host", flags->service.http_hosts,
      "a name that HTTP requests may call this machine by, besides localhost; may be repeated");
  command->add_option("--data-root", flags->service.data_roots,
                      "folder below which the workers may read corpora with a site in place; may "
                      "be repeated; without one, none are");
  command->add_option("--fetch-from", flags->service.fetch_from,
                      "from where the workers may fetch corpora: public (the default), none, or a "
                      "HOST, HOST:PORT or *.DOMAIN, whatever address it has; may be repeated");
  command->add_option("--cache-limit", flags->service.cache_limit,
                      "how large the cache of each worker may become, such as 20GB or 10%");
  // Passed on as they are.
  for (const auto& [name, meaning] :
       {std::pair("--alerts",
                  "file that says who is told when runs fail, workers are lost, ... "
                  "(docs/alerts.md)"),
        std::pair("--http-cert",
                  "a certificate of yours (PEM) for HTTPS, with those of its issuers"),
        std::pair("--http-key", "the key of --http-cert (PEM)"),
        std::pair(
            "--http-strict-days",
            "how long browsers that came by HTTPS use nothing else here (HSTS); 0: not at all"),
        std::pair("--quotas",
                  "file that says how much users and sites may have (docs/operating.md)"),
        std::pair("--quarantine-after",
                  "failed jobs in a row after which a worker gets none for a time; 0: never"),
        std::pair("--preempt-grace-ms",
                  "how long one that is stopped for that may take to write its checkpoint"),
        std::pair("--recovery-ms", "how long after its start no worker counts as lost"),
        std::pair("--keep-checkpoints", "of a training until it has succeeded: a number, or all"),
        std::pair("--keep-events-days",
                  "events of ended runs that are older are deleted; 0: never"),
        std::pair("--keep-audit-days", "rows of the audit that are older are deleted; 0: never"),
        std::pair("--calls-per-second", "how often one person may call; 0: no limit"),
        std::pair("--worker-calls-per-second",
                  "how often a worker with an identity of its own may call; 0: no limit"),
        std::pair("--open-calls", "how many calls of one person may be open; 0: any number"),
        std::pair("--blobs",
                  "bucket that keeps the files of artifacts: s3://bucket/prefix, perhaps with "
                  "?endpoint=https://host:port (docs/deploy.md)"),
        std::pair("--blobs-cache", "how much of it stays on this disk, too, such as 20GB"),
        std::pair("--gc-grace-ms", "how long a file that nothing needs stays in the store"),
        std::pair("--gc-interval-ms", "how often such files are deleted; 0: only by braid gc")}) {
    command->add_option_function<std::string>(
        name,
        [flags, option = std::string(name)](const std::string& value) {
          // braid up --detach goes on in another folder.
          const bool is_file = option == "--alerts" || option == "--quotas" ||
                               option == "--http-cert" || option == "--http-key";
          flags->service.coordinator_words.insert(flags->service.coordinator_words.end(),
                                                  {option, is_file ? AbsolutePath(value) : value});
        },
        meaning);
  }
  command->add_option("--bin", flags->service.bin,
                      "folder of braid's programs (default: beside this one)");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Up(globals, *flags); };
  });
}

}  // namespace braid::cli
