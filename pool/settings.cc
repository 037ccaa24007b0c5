#include "pool/settings.h"

#include <algorithm>
#include <utility>

#include "base/duration.h"
#include "base/file.h"
#include "base/json.h"
#include "pool/engine_words.h"
#include "pool/memory.h"

namespace braid::pool {
namespace {

// The name and the mark are parts of worker ids and of job names, which Slurm shows in narrow
// columns.
bool IsName(const std::string& name) {
  constexpr size_t kLongest = 40;
  return !name.empty() && name.size() <= kLongest &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

Status CheckRange(const char* option, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return OkStatus();
  return InvalidArgument(std::string(option) + " " + std::to_string(value) + ": " +
                         std::to_string(least) + " to " + std::to_string(most) + " are possible");
}

// Refuses options of other engines, which would do nothing here.
Status CheckOptions(const Settings& s) {
  const auto check = [&](const char* engine, const char* option, bool given) {
    if (!given || s.engine == engine) return OkStatus();
    return InvalidArgument(std::string(option) + " is for " +
                           std::string(WordsOfEngine(engine).title) +
                           ": leave it out with --engine " + s.engine);
  };
  const std::pair<const char*, bool> of_slurm[] = {
      {"--account", !s.account.empty()}, {"--partition", !s.partition.empty()},
      {"--qos", !s.qos.empty()},         {"--constraint", !s.constraint.empty()},
      {"--gres", !s.gres.empty()},       {"--sbatch", !s.extra.empty()}};
  for (const auto& [option, given] : of_slurm) BRAID_RETURN_IF_ERROR(check("slurm", option, given));
  for (const auto& [option, given] : OptionsOf(s.kubernetes))
    BRAID_RETURN_IF_ERROR(check("kubernetes", option, given));
  return OkStatus();
}

}  // namespace

Status Check(const Settings& settings) {
  if (!IsName(settings.name)) {
    return InvalidArgument("\"" + settings.name +
                           "\" is no name of a pool: 1 to 40 of a-z, 0-9, - and _");
  }
  if (!settings.mark.empty() && !IsName(settings.mark))
    return InvalidArgument("--mark \"" + settings.mark + "\": 1 to 40 of a-z, 0-9, - and _");
  if (!IsEngine(settings.engine))
    return InvalidArgument("--engine " + settings.engine + ": there are " + EngineNames());
  BRAID_RETURN_IF_ERROR(CheckOptions(settings));
  if (settings.engine == "kubernetes") {
    BRAID_RETURN_IF_ERROR(Check(settings.kubernetes, settings.name));
    if (!settings.worker_dir.empty()) {
      return InvalidArgument(
          "--worker-dir: leave it out with --engine kubernetes, whose pods have a volume for it");
    }
  }
  // Slurm knows further ways to write a time.
  if (settings.engine != "slurm" && !settings.time.empty())
    BRAID_RETURN_IF_ERROR(ParseTimeLimit(settings.time).status().Wrap("--time"));
  BRAID_RETURN_IF_ERROR(CheckRange("--max-workers", settings.max_workers, 1, 10'000));
  BRAID_RETURN_IF_ERROR(CheckRange("--cpus", settings.cpu_slots, 1, 4096));
  BRAID_RETURN_IF_ERROR(CheckRange("--gpus", settings.gpus, 0, 64));
  if (!settings.memory.empty()) BRAID_RETURN_IF_ERROR(ParseMemory(settings.memory).status());
  BRAID_RETURN_IF_ERROR(ParseDuration(settings.until_idle).status().Wrap("--until-idle"));
  for (const std::string& word : settings.extra) {
    // Slurm takes one of its words for memory, and the worker would go by the other.
    if (word.starts_with("--mem") && !settings.memory.empty())
      return InvalidArgument("--memory with --sbatch=" + word + ": say it once, by --memory");
    if (word.find_first_of("\n\0") != std::string::npos)
      return InvalidArgument("--sbatch: a word with a line break");
  }
  return OkStatus();
}

Result<Settings> ReadSettings(const std::string& folder) {
  const std::string path = JoinPath(folder, kSettingsFile);
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path, uint64_t{1} << 20));
  JsonReader read(json, path);
  Settings s;
  s.name = read.RequireString("name");
  s.mark = read.String("mark", "");
  s.engine = read.RequireString("engine");
  s.max_workers = read.RequireInt("max_workers");
  s.cpu_slots = read.RequireInt("cpu_slots");
  s.gpus = read.Int("gpus", 0);
  s.memory = read.String("memory", "");
  s.site = read.String("site", "");
  s.kinds = read.Strings("kinds");
  s.until_idle = read.String("until_idle", s.until_idle);
  s.worker_dir = read.String("worker_dir", s.worker_dir);
  s.data_roots = read.Strings("data_roots");
  s.fetch_from = read.Strings("fetch_from");
  s.account = read.String("account", "");
  s.partition = read.String("partition", "");
  s.qos = read.String("qos", "");
  s.constraint = read.String("constraint", "");
  s.gres = read.String("gres", "");
  s.time = read.String("time", "");
  s.extra = read.Strings("sbatch");
  s.setup = read.Strings("setup");
  s.address_file = read.String("address_file", "");
  s.coordinator = read.String("coordinator", "");
  s.token_file = read.String("token_file", "");
  s.ca = read.String("ca", "");
  s.worker_program = read.RequireString("worker_program");
  if (read.Has("kubernetes")) {
    Json section = read.Value("kubernetes");
    // Where it stood while pools of no other engine had it.
    if (section.is_object() && section.contains("memory")) {
      if (s.memory.empty()) s.memory = JsonReader(section, path).String("memory", "");
      section.erase("memory");
    }
    BRAID_ASSIGN_OR_RETURN(s.kubernetes, KubernetesSettingsFrom(section, path + ": kubernetes"));
  }
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_RETURN_IF_ERROR(Check(s).Wrap(path));
  return s;
}

Status WriteSettings(const std::string& folder, const Settings& s) {
  Json json = {{"name", s.name},
               {"mark", s.mark},
               {"engine", s.engine},
               {"max_workers", s.max_workers},
               {"cpu_slots", s.cpu_slots},
               {"gpus", s.gpus},
               {"memory", s.memory},
               {"site", s.site},
               {"kinds", s.kinds},
               {"until_idle", s.until_idle},
               {"worker_dir", s.worker_dir},
               {"data_roots", s.data_roots},
               {"fetch_from", s.fetch_from},
               {"account", s.account},
               {"partition", s.partition},
               {"qos", s.qos},
               {"constraint", s.constraint},
               {"gres", s.gres},
               {"time", s.time},
               {"sbatch", s.extra},
               {"setup", s.setup},
               {"address_file", s.address_file},
               {"coordinator", s.coordinator},
               {"token_file", s.token_file},
               {"ca", s.ca},
               {"worker_program", s.worker_program}};
  if (s.engine == "kubernetes") json["kubernetes"] = ToJson(s.kubernetes);
  return WriteJsonFile(JoinPath(folder, kSettingsFile), json);
}

}  // namespace braid::pool
