#include "report/input/glue.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/text.h"
#include "report/input/strict_fields.h"

namespace braid::report {
namespace {

Result<GlueTask> ReadGlueTask(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  GlueTask task;
  // A correlation may be below zero.
  BRAID_ASSIGN_OR_RETURN(task.score.value, Percent(read.Value("score"), path + ".score", -100));
  const double deviation = read.Double("deviation", -1);
  task.metric = read.String("metric", "");
  const Json& seeds = read.Value("seeds");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (!seeds.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(seeds, path + ".seeds"));
  task.seeds = static_cast<int64_t>(seeds.size());
  if (task.seeds < 2) return task;
  if (deviation < 0)
    return InvalidArgument(path +
                           ".deviation: expected the standard deviation over the seeds, 0 or more");
  task.deviation = deviation;
  task.score = OfSeeds(task.score.value, deviation, task.seeds);
  return task;
}

constexpr const char* kSuperGlue[] = {"boolq", "wsc", "multirc"};

bool IsSuperGlue(const std::string& task) {
  return std::find(std::begin(kSuperGlue), std::end(kSuperGlue), task) != std::end(kSuperGlue);
}

// The variance of one seed's score for tasks that have no spread of their own.
void LendVariance(std::map<std::string, GlueTask>* tasks) {
  double largest = -1, freedom = 1;
  for (const auto& [name, task] : *tasks) {
    const double variance = task.deviation >= 0 ? task.deviation * task.deviation : -1;
    if (variance > largest) largest = variance, freedom = task.score.freedom;
  }
  if (largest < 0) return;  // no task has two seeds: nothing is known of any spread
  for (auto& [name, task] : *tasks) {
    if (task.score.has_interval()) continue;
    task.score.variance = largest;
    task.score.freedom = freedom;
  }
}

std::optional<Estimate> GroupMean(const Glue& glue, bool superglue, double printed) {
  std::vector<Estimate> parts;
  for (const auto& [name, task] : glue.tasks) {
    if (IsSuperGlue(name) == superglue && name != "copa") parts.push_back(task.score);
  }
  Estimate mean{printed};
  if (parts.size() != (superglue ? 3u : 8u))
    return mean;  // from elsewhere: nothing is known of its spread
  const Estimate spread = MeanOf(parts);
  mean.variance = spread.variance;
  mean.freedom = spread.freedom;
  return mean;
}

}  // namespace

Result<Glue> ReadGlue(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  Glue glue;
  const Json& tasks = read.Value("tasks");
  const Json &of_glue = read.Value("glue"), &of_superglue = read.Value("superglue");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (!tasks.is_null()) BRAID_RETURN_IF_ERROR(CheckObject(tasks, path + ".tasks"));
  for (const auto& [name, value] : tasks.items()) {
    BRAID_ASSIGN_OR_RETURN(glue.tasks[name], ReadGlueTask(value, path + ".tasks." + name));
  }
  LendVariance(&glue.tasks);
  if (!of_glue.is_null()) {
    BRAID_ASSIGN_OR_RETURN(const double mean, Percent(of_glue, path + ".glue", -100));
    glue.glue = GroupMean(glue, /*superglue=*/false, mean);
  }
  if (!of_superglue.is_null()) {
    BRAID_ASSIGN_OR_RETURN(const double mean, Percent(of_superglue, path + ".superglue"));
    glue.superglue = GroupMean(glue, /*superglue=*/true, mean);
  }
  return glue;
}

}  // namespace braid::report
