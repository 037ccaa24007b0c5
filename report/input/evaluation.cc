#include "report/input/evaluation.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/input/evaluation_parts.h"
#include "report/input/strict_fields.h"

namespace braid::report {
namespace {

Status ReadGroups(const Json& json, const std::string& path, Loss* loss) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  for (const auto& [key, into] :
       {std::pair{"loss", &loss->group_losses}, {"tokens", &loss->group_tokens}}) {
    const Json list = json.value(key, Json());
    BRAID_RETURN_IF_ERROR(CheckArray(list, path + "." + key));
    for (const Json& value : list) {
      BRAID_ASSIGN_OR_RETURN(const double number, Number(value, path + "." + key));
      into->push_back(number);
    }
  }
  if (loss->group_losses.size() == loss->group_tokens.size()) return OkStatus();
  return InvalidArgument(path + ": loss and tokens are not of as many groups");
}

Status ReadLosses(const Json& json, const std::string& path, Evaluation* evaluation) {
  if (json.is_null()) return OkStatus();
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  for (const auto& [corpus, value] : json.items()) {
    BRAID_RETURN_IF_ERROR(CheckObject(value, path + "." + corpus));
    JsonReader entry(value, path + "." + corpus);
    Loss& loss = evaluation->losses[corpus];
    loss = {entry.RequireDouble("loss"),
            entry.RequireDouble("perplexity"),
            entry.Int("tokens", 0),
            entry.Double("bits_per_byte", 0),
            {},
            {}};
    const Json& groups = entry.Value("groups");
    BRAID_RETURN_IF_ERROR(FinishLenient(entry, value));
    if (!groups.is_null())
      BRAID_RETURN_IF_ERROR(ReadGroups(groups, path + "." + corpus + ".groups", &loss));
  }
  return OkStatus();
}

Status ReadSamples(const Json& json, const std::string& path, Evaluation* evaluation) {
  if (json.is_null()) return OkStatus();
  BRAID_RETURN_IF_ERROR(CheckArray(json, path));
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string at = Format("%s.%zu", path.c_str(), i);
    BRAID_RETURN_IF_ERROR(CheckObject(json[i], at));
    JsonReader read(json[i], at);
    Sample sample{read.RequireString("prompt"), read.RequireString("text"), {}};
    const Json& next = read.Value("next");
    BRAID_RETURN_IF_ERROR(FinishLenient(read, json[i]));
    if (!next.is_null()) BRAID_RETURN_IF_ERROR(CheckArray(next, at + ".next"));
    for (size_t j = 0; j < next.size(); ++j) {
      const std::string entry = Format("%s.next.%zu", at.c_str(), j);
      BRAID_RETURN_IF_ERROR(CheckObject(next[j], entry));
      JsonReader token(next[j], entry);
      sample.next.emplace_back(token.RequireString("token"), token.RequireDouble("probability"));
      BRAID_RETURN_IF_ERROR(FinishLenient(token, next[j]));
    }
    evaluation->samples.push_back(std::move(sample));
  }
  return OkStatus();
}

Result<Blimp> ReadBlimp(const Json& json, const std::string& path) {
  BRAID_RETURN_IF_ERROR(CheckObject(json, path));
  JsonReader read(json, path);
  Blimp blimp;
  BRAID_ASSIGN_OR_RETURN(blimp.mean.value, Percent(read.Value("mean"), path + ".mean"));
  blimp.pairs = read.Int("pairs", 0);
  const Json& paradigms = read.Value("paradigms");
  const double deviation = read.Double("deviation", 0);
  const Json& seeds = read.Value("seeds");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  if (paradigms.is_null()) return blimp;
  BRAID_RETURN_IF_ERROR(CheckObject(paradigms, path + ".paradigms"));
  for (const auto& [name, value] : paradigms.items()) {
    BRAID_ASSIGN_OR_RETURN(blimp.paradigms[name], Percent(value, path + ".paradigms." + name));
  }
  if (blimp.pairs <= 0 || blimp.paradigms.empty()) return blimp;
  std::vector<Estimate> parts;
  const double pairs = static_cast<double>(blimp.pairs) /
                       static_cast<double>(blimp.paradigms.size());
  for (const auto& [name, accuracy] : blimp.paradigms)
    parts.push_back(Proportion(accuracy / 100, pairs));
  const double mean = blimp.mean.value;
  blimp.mean = Scaled(MeanOf(parts), 100);
  if (std::abs(blimp.mean.value - mean) > 0.01) {
    return InvalidArgument(Format("%s.mean: is %.4f, but the paradigms have a mean of %.4f",
                                  path.c_str(), mean, blimp.mean.value));
  }
  if (seeds.is_array() && seeds.size() > 1)
    blimp.mean.variance += deviation * deviation / static_cast<double>(seeds.size());
  return blimp;
}

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
  if (largest < 0) return;
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

Status ReadAbout(const Json& about, const std::string& path, Evaluation* evaluation) {
  JsonReader read(about, path);
  evaluation->parameters = read.Int("parameters", 0);
  const Json& spec = read.Value("spec");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, about));
  if (spec.is_null()) return OkStatus();
  BRAID_ASSIGN_OR_RETURN(evaluation->spec, model::FromJson(spec, path + ".spec"));
  return OkStatus();
}

}  // namespace

std::optional<Estimate> Evaluation::MeanScore() const {
  if (!blimp.has_value() || blimp->partial() || !glue.has_value() || !glue->glue.has_value() ||
      !glue->superglue.has_value())
    return std::nullopt;
  return MeanOf({blimp->mean, *glue->glue, *glue->superglue});
}

Result<Evaluation> ReadEvaluation(const std::string& file) {
  BRAID_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  const std::string path = file + ": ";
  if (!json.is_object()) return InvalidArgument(path + "expected an object");
  JsonReader read(json, file);
  Evaluation evaluation;
  evaluation.name = read.RequireString("name");
  const Json& about = read.RequireObject("model");
  const Json &loss = read.Value("loss"), &samples = read.Value("samples"),
             &blimp = read.Value("blimp"), &glue = read.Value("glue");
  const Json &routing = read.Value("routing"), &dual = read.Value("dual"),
             &next_token = read.Value("next_token");
  BRAID_RETURN_IF_ERROR(FinishLenient(read, json));
  BRAID_RETURN_IF_ERROR(ReadAbout(about, path + "model", &evaluation));
  BRAID_RETURN_IF_ERROR(ReadLosses(loss, path + "loss", &evaluation));
  BRAID_RETURN_IF_ERROR(ReadSamples(samples, path + "samples", &evaluation));
  if (!blimp.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.blimp, ReadBlimp(blimp, path + "blimp"));
  }
  if (!glue.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.glue, ReadGlue(glue, path + "glue"));
  }
  if (!routing.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.routing, ReadRouting(routing, path + "routing"));
  }
  if (!dual.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.dual, ReadDual(dual, path + "dual"));
  }
  if (!next_token.is_null()) {
    BRAID_ASSIGN_OR_RETURN(evaluation.next_token, ReadNextToken(next_token, path + "next_token"));
  }
  return evaluation;
}

}  // namespace braid::report
