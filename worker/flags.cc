#include "worker/flags.h"

#include <cstdlib>

#include "base/duration.h"
#include "base/file.h"
#include "base/state_files.h"
#include "task/fetch_rules.h"
#include "worker/devices/memory.h"

namespace braid::worker {

const CLI::Option* AddOptions(CLI::App* app, Flags* flags) {
  app->add_option("--coordinator", flags->coordinator, "HOST:PORT of the coordinator");
  app->add_option("--address-file", flags->address_file,
                  "file in which the coordinator writes its address");
  app->add_option("--token-file", flags->token_file,
                  "file with the coordinator's token (BRAID_TOKEN_FILE; default: what the address "
                  "file names)")
      ->envname("BRAID_TOKEN_FILE");
  app->add_option("--ca", flags->ca,
                  "the authority of the coordinator's certificate: a file, or sha256:DIGEST "
                  "(BRAID_CA; default: what the address file names)")
      ->envname("BRAID_CA");
  app->add_option("--join", flags->join,
                  "join a coordinator with an invitation: a file with the line that `braid worker "
                  "invite` prints, or - for standard input. Afterwards --dir is enough");
  app->add_option("--dir", flags->dir, "folder for the cache and running jobs")->required();
  const CLI::Option* id = app->add_option("--id", flags->id,
                                          "name of this worker, stable across restarts")
                              ->capture_default_str();
  app->add_option("--until-idle", flags->until_idle,
                  "leave after so long without anything to do: 90s, 10m, 2h");
  app->add_option(
      "--max-time", flags->max_time,
      "be gone after so long, with checkpoints in time before that: 30m, 2h, or as Slurm "
      "has it, 1-00:00:00");
  app->add_flag("--ephemeral", flags->ephemeral,
                "leave for good: the coordinator then forgets this worker, and the folder goes if "
                "this start has made it. The default of --id gets a random end");
  app->add_option("--site", flags->site,
                  "where this machine is: corpora with this site are read here");
  app->add_option("--advertise", flags->advertise,
                  "ADDRESS[%IFACE] of this machine at which ranks meet those of other hosts; auto "
                  "(that of the route to the coordinator, else of the default route); none")
      ->capture_default_str();
  app->add_option("--serve-files", flags->serve_files,
                  "yes or no: whether workers of the same --site may fetch files from the cache of "
                  "this one, at its --advertise address")
      ->check(CLI::IsMember({"yes", "no"}))
      ->capture_default_str();
  app->add_option("--data-root", flags->data_roots,
                  "folder below which corpora with a site may be read in place; may be repeated; "
                  "without one, none are");
  app->add_option(
      "--fetch-from", flags->fetch_from,
      "from where corpora may be fetched: public (any host with an address of the public "
      "internet; the default), none, or a HOST, HOST:PORT or *.DOMAIN, which may have any "
      "address; may be repeated");
  app->add_option("--label", flags->labels, "key=value, for people");
  app->add_option("--slots", flags->slots, "CPU slots (default: usable cores)")
      ->check(CLI::Range(1, 4096));
  app->add_option("--memory", flags->memory,
                  "main memory for jobs that say how much they need: a size (64GB) or a share of "
                  "the machine's (50%) (default: all that the machine, its container or its batch "
                  "job has)");
  app->add_option("--gpus", flags->gpus,
                  "all, none, or UUIDs with commas between: which of the GPUs that "
                  "CUDA_VISIBLE_DEVICES shows")
      ->capture_default_str();
  app->add_option("--cache-limit", flags->cache_limit,
                  "how large the cache of inputs and outputs may become: a size (20GB) or a share "
                  "of the file system of --dir; what running jobs use may be more")
      ->capture_default_str();
  app->add_option("--kinds", flags->kinds, "run only jobs of these kinds")->delimiter(',');
  app->add_option("--log-format", flags->log_format,
                  "text, or json: one object a line, with run, job, attempt and trace "
                  "(BRAID_LOG_FORMAT)")
      ->envname("BRAID_LOG_FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app->add_option("--bin", flags->bin,
                  "folder of braid-trainer and the other task programs (default: beside this one)");
  return id;
}

// With --coordinator, the token is looked up where the commands of this folder do it: in BRAID_DIR,
// or .braid.
EndpointSource FlagSource(const Flags& flags) {
  if (flags.coordinator.empty())
    return {.address = "",
            .address_file = flags.address_file,
            .token_file = flags.token_file,
            .ca = flags.ca};
  const char* dir = std::getenv("BRAID_DIR");
  return {.address = flags.coordinator,
          .address_file = AbsolutePath(
              JoinPath(dir == nullptr || *dir == '\0' ? ".braid" : dir, state_files::kAddress)),
          .token_file = flags.token_file,
          .ca = flags.ca};
}

Result<std::vector<std::string>> DataRoots(const std::vector<std::string>& folders) {
  std::vector<std::string> roots;
  for (const std::string& folder : folders) {
    if (!IsFolder(folder))
      return InvalidArgument("--data-root " + folder + ": there is no such folder");
    roots.push_back(AbsolutePath(folder));
  }
  return roots;
}

Result<std::map<std::string, std::string>> ParseLabels(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> labels;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return InvalidArgument("--label " + text + ": expected key=value");
    labels[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return labels;
}

Result<StayLimits> LimitsOf(const Flags& flags) {
  StayLimits limits;
  const auto read = [](const char* flag, const std::string& text, int64_t* limit_ms) {
    if (text.empty()) return OkStatus();
    const Result<int64_t> time_ms = ParseTimeLimit(text);
    if (!time_ms.ok()) return time_ms.status().Wrap(flag);
    // No limit, in Slurm's words.
    if (*time_ms == 0 && text.find_first_of("0123456789") == std::string::npos) return OkStatus();
    if (*time_ms < 1'000)
      return InvalidArgument(std::string(flag) + " " + text + ": at least a second is needed");
    *limit_ms = *time_ms;
    return OkStatus();
  };
  BRAID_RETURN_IF_ERROR(read("--until-idle", flags.until_idle, &limits.until_idle_ms));
  BRAID_RETURN_IF_ERROR(read("--max-time", flags.max_time, &limits.max_time_ms));
  return limits;
}

Status CheckFlags(const Flags& flags) {
  BRAID_RETURN_IF_ERROR(task::FetchRules::Parse(flags.fetch_from).status());
  BRAID_RETURN_IF_ERROR(LimitsOf(flags).status());
  BRAID_RETURN_IF_ERROR(MemoryForJobs(flags.memory, 0).status());
  if (flags.ephemeral && !flags.join.empty()) {
    return InvalidArgument(
        "--ephemeral with --join: a worker that joins keeps its identity in its folder; leave "
        "--ephemeral out, or give --coordinator and --token-file instead of --join");
  }
  const int given = static_cast<int>(!flags.coordinator.empty()) +
                    static_cast<int>(!flags.address_file.empty()) +
                    static_cast<int>(!flags.join.empty());
  if (given > 1)
    return InvalidArgument("give one of --coordinator HOST:PORT, --address-file FILE and --join");
  // What may be mended while the worker runs (no address file yet) is no reason not to begin.
  if (const Status found = FindEndpoint(FlagSource(flags)).status();
      !flags.coordinator.empty() && found.code() == StatusCode::kPermissionDenied)
    return found.Wrap("--coordinator");
  if (!flags.token_file.empty())
    BRAID_RETURN_IF_ERROR(ReadTokenFile(flags.token_file).status().Wrap("--token-file"));
  return OkStatus();
}

}  // namespace braid::worker
