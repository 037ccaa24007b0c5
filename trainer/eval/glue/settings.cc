#include "trainer/eval/glue/settings.h"

#include <cmath>
#include <set>

#include "trainer/eval/glue/tasks.h"

namespace braid::trainer {
namespace {

std::vector<uint64_t> Seeds(JsonReader& read) {
  std::vector<uint64_t> seeds;
  const Json& list = read.Value("seeds");
  if (list.is_null()) return seeds;
  if (!list.is_array()) read.Fail("seeds", "must be a list of whole numbers");
  for (const Json& seed : list) {
    if (!seed.is_number_integer() || (!seed.is_number_unsigned() && seed.get<int64_t>() < 0)) {
      read.Fail("seeds", "must be a list of whole numbers from 0 on, but has " + seed.dump());
      break;
    }
    seeds.push_back(seed.get<uint64_t>());
  }
  return seeds;
}

void Check(const GlueSettings& settings, JsonReader& read) {
  const auto at_least_one = [&](const char* key, int64_t value) {
    if (value < 1) read.Fail(key, "must be at least 1");
  };
  at_least_one("epochs", settings.epochs);
  at_least_one("patience", settings.patience);
  at_least_one("batch", settings.batch);
  at_least_one("length", settings.length);
  at_least_one("rank", settings.rank);
  if (!(settings.lr > 0)) read.Fail("lr", "must be above 0");
  if (!(settings.alpha > 0)) read.Fail("alpha", "must be above 0");
  if (!(settings.weight_decay >= 0)) read.Fail("weight_decay", "must not be negative");
  for (const auto& [key, value] : {std::pair{"lr", settings.lr},
                                   {"alpha", settings.alpha},
                                   {"weight_decay", settings.weight_decay}}) {
    if (!std::isfinite(value)) read.Fail(key, "must be finite");
  }
  if (!(settings.warmup >= 0 && settings.warmup <= 1))
    read.Fail("warmup", "must be between 0 and 1");
  if (!(settings.dropout >= 0 && settings.dropout < 1))
    read.Fail("dropout", "must be at least 0 and below 1");
  if (settings.documents < 0) read.Fail("documents", "must not be negative");
  if (std::set<uint64_t>(settings.seeds.begin(), settings.seeds.end()).size() !=
      settings.seeds.size()) {
    read.Fail("seeds", "names one twice, which would pass for two trainings that agree");
  }
  std::set<std::string> seen;
  for (const std::string& name : settings.tasks) {
    if (const auto task = FindGlueTask(name); !task.ok())
      read.Fail("tasks", task.status().message());
    if (!seen.insert(name).second) read.Fail("tasks", "names " + name + " twice");
  }
}

}  // namespace

Result<GlueSettings> GlueSettingsFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  GlueSettings settings;
  settings.tasks = read.Strings("tasks");
  settings.epochs = read.Int("epochs", settings.epochs);
  settings.patience = read.Int("patience", settings.patience);
  settings.batch = read.Int("batch", settings.batch);
  settings.lr = read.Double("lr", settings.lr);
  settings.weight_decay = read.Double("weight_decay", settings.weight_decay);
  settings.warmup = read.Double("warmup", settings.warmup);
  settings.length = read.Int("length", settings.length);
  settings.rank = read.Int("rank", settings.rank);
  settings.alpha = read.Double("alpha", settings.alpha);
  settings.dropout = read.Double("dropout", settings.dropout);
  settings.seeds = Seeds(read);
  settings.mnli = read.Choice("mnli", settings.mnli, {"mean", "matched"});
  settings.documents = read.Int("documents", settings.documents);
  settings.adapters = read.Bool("adapters", settings.adapters);
  Check(settings, read);
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (settings.tasks.empty()) {
    for (const GlueTask& task : GlueTasks()) {
      if (task.suite != "extra") settings.tasks.push_back(task.name);
    }
  }
  return settings;
}

}  // namespace braid::trainer
