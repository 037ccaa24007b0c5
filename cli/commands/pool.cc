// braid pool create, list, describe, serve, delete.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/process.h"
#include "base/state_files.h"
#include "base/text.h"
#include "cli/commands/list_command.h"
#include "cli/local/pool_service.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

// The options of `create`: the settings, and those that are converted to settings.
struct CreateFlags {
  pool::Settings settings;
  std::string bin;
  bool no_check = false;
  // Whether --max-workers was given.
  bool most_given = false;
};

// The workers reach the coordinator as this command does.
void FillCoordinator(const Globals& globals, pool::Settings* settings) {
  const auto absolute = [](const std::string& path) {
    return path.empty() || path.starts_with("sha256:") ? path : AbsolutePath(path);
  };
  if (globals.address.empty())
    settings->address_file = AbsolutePath(JoinPath(globals.dir, state_files::kAddress));
  else
    settings->coordinator = globals.address;
  settings->token_file = absolute(globals.token_file);
  settings->ca = absolute(globals.ca);
}

// The defaults on this machine: as many workers as its cores allow, in the pool's folder, where the
// agent finds the results that workers left behind.
void FillLocal(bool most_given, pool::Settings* settings) {
  const int64_t cores = std::max(1U, std::thread::hardware_concurrency());
  if (!most_given)
    settings->max_workers = std::max<int64_t>(1, cores / std::max<int64_t>(1, settings->cpu_slots));
  if (settings->worker_dir == pool::Settings().worker_dir) settings->worker_dir.clear();
}

// The program and the folder of a worker are those of its image and of its pod.
void FillKubernetes(const std::string& bin, pool::Settings* settings) {
  settings->worker_program = bin.empty() ? "braid-worker" : JoinPath(bin, "braid-worker");
  if (settings->worker_dir == pool::Settings().worker_dir) settings->worker_dir.clear();
  // The agent may be started by another shell. (A list of files is left to kubectl.)
  std::string& kubeconfig = settings->kubernetes.kubeconfig;
  const char* variable = std::getenv("KUBECONFIG");
  if (kubeconfig.empty() && variable != nullptr && std::strchr(variable, ':') == nullptr)
    kubeconfig = variable;
  if (!kubeconfig.empty()) kubeconfig = AbsolutePath(kubeconfig);
}

Result<int> CreateThePool(const Globals& globals, CreateFlags flags) {
  // Before anything is written: a pool whose agent cannot find the coordinator is of no use.
  BRAID_RETURN_IF_ERROR(Connect(globals).status());
  FillCoordinator(globals, &flags.settings);
  flags.settings.worker_program = JoinPath(
      flags.bin.empty() ? ProgramFolder() : AbsolutePath(flags.bin), "braid-worker");
  for (std::string& root : flags.settings.data_roots) root = AbsolutePath(root);
  if (flags.settings.engine == "local") FillLocal(flags.most_given, &flags.settings);
  if (flags.settings.engine == "kubernetes") FillKubernetes(flags.bin, &flags.settings);
  BRAID_RETURN_IF_ERROR(CreatePool(globals, flags.settings, !flags.no_check));
  const std::string& name = flags.settings.name;
  if (globals.json()) {
    const Json said = {{"name", name}, {"folder", PoolFolder(globals, name)}};
    return PrintJson(globals, said), kOkExit;
  }
  std::printf("%s\n", name.c_str());
  std::fprintf(stderr,
               "pool %s is in %s; serve it here, and leave that running:\n  braid pool serve %s\n",
               name.c_str(), PoolFolder(globals, name).c_str(), name.c_str());
  return kOkExit;
}

Result<v1::ListPoolsResponse> Pools(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  return client.Call<v1::ListPoolsResponse>(&v1::Pools::Stub::ListPools, client.pools(),
                                            v1::ListPoolsRequest());
}

int WorkersOfJobs(const v1::Pool& pool) {
  int workers = 0;
  for (const v1::PoolJob& job : pool.jobs()) workers += job.workers();
  return workers;
}

Result<List> ListedPools(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(const v1::ListPoolsResponse response, Pools(globals));
  List list{.header = {"POOL", "ENGINE", "SITE", "JOBS", "WORKERS READY/ASKED/MOST", "SERVED ON",
                       "SEEN", "TROUBLE"},
            .json = JsonText(response)};
  for (const v1::Pool& pool : response.pools()) {
    const std::string workers = std::to_string(pool.workers_ready()) + "/" +
                                std::to_string(WorkersOfJobs(pool)) + "/" +
                                std::to_string(pool.max_workers());
    list.rows.push_back({pool.name(),
                         {pool.name(), pool.engine(), pool.site().empty() ? "-" : pool.site(),
                          CountCell(pool.jobs_size()), Cell(workers, pool.workers_ready()),
                          pool.host(), AgeCell(pool.last_seen_ms()),
                          pool.trouble().empty() ? "" : Excerpt(pool.trouble(), 60)}});
  }
  return list;
}

void PrintPool(const v1::Pool& pool) {
  std::printf("pool %s: %s, at most %d workers of %d CPUs and %d GPUs, %d ready\n",
              pool.name().c_str(), pool.engine().c_str(), pool.max_workers(), pool.cpu_slots(),
              pool.gpus(), pool.workers_ready());
  std::printf("  served on %s in %s, heard of %s ago\n", pool.host().c_str(), pool.folder().c_str(),
              Ago(pool.last_seen_ms()).c_str());
  if (!pool.site().empty()) std::printf("  site %s\n", pool.site().c_str());
  const std::map<std::string, std::string> settings(pool.settings().begin(), pool.settings().end());
  for (const auto& [key, value] : settings) std::printf("  %s %s\n", key.c_str(), value.c_str());
  if (!pool.trouble().empty()) std::printf("  trouble: %s\n", pool.trouble().c_str());
}

Result<int> DescribeThePool(const Globals& globals, const std::string& name) {
  BRAID_ASSIGN_OR_RETURN(const v1::ListPoolsResponse response, Pools(globals));
  for (const v1::Pool& pool : response.pools()) {
    if (pool.name() != name) continue;
    if (globals.json()) return PrintJson(globals, pool), kOkExit;
    PrintPool(pool);
    std::vector<std::vector<std::string>> rows;
    for (const v1::PoolJob& job : pool.jobs()) {
      rows.push_back({job.id(), job.name(), std::to_string(job.workers()), job.state(),
                      job.reason().empty() ? "-" : job.reason()});
    }
    if (!rows.empty()) PrintTable(globals, {"JOB", "NAME", "WORKERS", "STATE", "REASON"}, rows);
    return kOkExit;
  }
  const bool here = PathExists(JoinPath(PoolFolder(globals, name), pool::kSettingsFile));
  return NotFound(here ? "pool " + name + " is not served: `braid pool serve " + name + "`"
                       : "no pool " + name + " is served: `braid pool list` shows those that are");
}

void AddSettings(CLI::App* create, pool::Settings* s) {
  create->add_option("name", s->name, "a-z, 0-9, - and _")->required();
  create
      ->add_option("--engine", s->engine,
                   "slurm, kubernetes, or local: workers of this machine, which the agent starts")
      ->capture_default_str();
  create->add_option("--max-workers", s->max_workers,
                     "the most workers at a time (default: 4, local: as many as there are "
                     "CPUs for)");
  create->add_option("--cpus", s->cpu_slots, "CPU slots of each worker")->capture_default_str();
  create->add_option("--gpus", s->gpus, "GPUs of each worker")->capture_default_str();
  create->add_option("--memory", s->memory,
                     "main memory of each worker: 64Gi (default: what Slurm gives, local: what "
                     "this machine has, kubernetes: 4Gi for each of --cpus)");
  create->add_option("--site", s->site, "where the workers are: corpora with this site are there");
  create->add_option("--kinds", s->kinds, "only for jobs of these kinds")->delimiter(',');
  create
      ->add_option("--until-idle", s->until_idle,
                   "a worker leaves after so long without anything to do")
      ->capture_default_str();
  create
      ->add_option("--worker-dir", s->worker_dir,
                   "folder on the node in which each worker makes its own; variables are "
                   "replaced there (local: workers/ in the pool's folder)")
      ->capture_default_str();
  create->add_option("--data-root", s->data_roots,
                     "folder below which corpora with a site may be read; may be repeated");
  create->add_option("--fetch-from", s->fetch_from,
                     "from where workers may fetch corpora: public (the default), none, or a HOST, "
                     "HOST:PORT or *.DOMAIN, whatever address it has; may be repeated");
  create->add_option("--account", s->account, "passed on to Slurm, as are the next four");
  create->add_option("--partition", s->partition, "of the cluster, for Slurm");
  create->add_option("--qos", s->qos, "quality of service, for Slurm");
  create->add_option("--constraint", s->constraint, "features of the nodes, for Slurm");
  create->add_option("--gres", s->gres, "for example gpu:a100:2 (default: --gpus-per-task)");
  create->add_option(
      "--time", s->time,
      "time limit of each job, as sbatch takes it; local and kubernetes: of each worker");
  create->add_option("--sbatch", s->extra,
                     "a further word for sbatch: --sbatch=--mem=16G; may be "
                     "repeated");
  create->add_option("--setup", s->setup,
                     "a line of shell before the worker starts: 'module load cuda'; may be "
                     "repeated");
  create->add_option("--mark", s->mark,
                     "tells the jobs of this pool from those of others of its name (default: 8 "
                     "random digits); with the same mark, a pool that is created elsewhere finds "
                     "them again");
}

void AddKubernetes(CLI::App* create, pool::KubernetesSettings* s) {
  create->add_option("--namespace", s->name_space, "of Kubernetes, as are all that follow");
  create->add_option("--image", s->image, "image of the workers");
  create->add_option("--pull-secret", s->pull_secrets,
                     "Secret with which the image is pulled; may be repeated");
  create->add_option("--gpu-resource", s->gpu_resource,
                     "resource that counts GPUs (default: nvidia.com/gpu)");
  create->add_option("--queue-name", s->queue, "local queue of Kueue that admits the jobs");
  create->add_option("--service-account", s->service_account,
                     "of the workers' pods, which get no token of it");
  create->add_option("--node-selector", s->node_selector,
                     "KEY=VALUE that nodes must have; may be repeated");
  create->add_option("--toleration", s->tolerations,
                     "KEY[=VALUE][:EFFECT] of a taint that nodes may have; may be repeated");
  create->add_option("--label", s->labels,
                     "KEY=VALUE as a label of jobs and pods; may be repeated");
  create->add_option("--pods-reach", s->pods_reach,
                     "HOST:PORT of the coordinator for the pods (default: as for this command)");
  create->add_option("--kubeconfig", s->kubeconfig, "for kubectl (default: its own)");
  create->add_option("--context", s->context, "of the kubeconfig (default: the current one)");
}

CLI::App* AddNamed(CLI::App* command, const char* name, const char* what, std::string* pool) {
  CLI::App* sub = command->add_subcommand(name, what);
  sub->add_option("name", *pool, "of the pool")->type_name(kPoolValue)->required();
  return sub;
}

void AddTimes(CLI::App* command, PoolTimes* times) {
  command
      ->add_option(
          "--list-every-ms", times->list_every_ms,
          "how often the list of jobs is read while there are some (default: 15000, local: "
          "1000)")
      ->check(CLI::Range(100, 3'600'000));
  command
      ->add_option("--command-timeout-ms", times->command_timeout_ms,
                   "how long a command of Slurm, or kubectl, may take")
      ->capture_default_str()
      ->check(CLI::Range(100, 3'600'000));
}

}  // namespace

void RegisterPool(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand(
      "pool", "Workers that start when jobs wait: by Slurm, in Kubernetes or on this machine");
  command->require_subcommand(1);
  auto flags = std::make_shared<CreateFlags>();
  CLI::App* create = command->add_subcommand("create", "Set a pool up at this site");
  AddSettings(create, &flags->settings);
  AddKubernetes(create, &flags->settings.kubernetes);
  create->add_option("--bin", flags->bin,
                     "folder of braid-worker and the task programs on the nodes (default: that of "
                     "this program)");
  create->add_flag(
      "--no-check", flags->no_check,
      "do not ask whether Slurm or Kubernetes takes such jobs, or this machine has room "
      "for them");
  create->callback([registry, flags, create] {
    flags->most_given = create->count("--max-workers") > 0;
    registry.chosen = [&globals = registry.globals, flags] {
      return CreateThePool(globals, *flags);
    };
  });
  MakeList(registry, command->add_subcommand("list", "The pools that are served"), ListedPools);
  auto name = std::make_shared<std::string>();
  auto times = std::make_shared<PoolTimes>();
  AddNamed(command, "describe", "One pool, with its jobs", name.get())->callback([registry, name] {
    registry.chosen = [&globals = registry.globals, name] {
      return DescribeThePool(globals, *name);
    };
  });
  CLI::App* serve = AddNamed(command, "serve",
                             "Ask for workers when jobs wait, as long as this runs", name.get());
  AddTimes(serve, times.get());
  serve->callback([registry, name, times] {
    registry.chosen = [&globals = registry.globals, name, times] {
      return ServePool(globals, *name, *times);
    };
  });
  CLI::App* remove = AddNamed(command, "delete", "End its jobs, with checkpoints, and the pool",
                              name.get());
  AddTimes(remove, times.get());
  remove->callback([registry, name, times] {
    registry.chosen = [&globals = registry.globals, name, times] {
      return DeletePool(globals, *name, *times);
    };
  });
}

}  // namespace braid::cli
