#include "spec/going_on.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "schema/builder.h"

namespace braid::spec {
namespace {

constexpr char kInstead[] = "begin a new training with its weights (start)";
constexpr char kNewTraining[] = "or begin a new training with its weights (start)";

// What decides which text a step reads and what the optimizer keeps of it; `data` and `seed` do so
// as a whole.
const std::set<std::string> kSame = {"train.batch", "train.accumulate", "train.accum_tail",
                                     "train.shuffle_seed", "train.optimizer.kind"};
// How long it is, and what is done beside it.
constexpr std::array<const char*, 7> kMayDiffer = {
    "train.epochs",   "train.steps",     "train.tokens",       "train.checkpoint.",
    "train.validate", "train.telemetry", "train.stall_timeout"};

// The corpora with the part that is read of each: "tales (all), sums (all)".
std::string CorporaOf(const Data& data) {
  std::vector<std::string> names;
  for (const DataSource& source : data.sources)
    names.push_back(source.role.substr(source.role.find('.') + 1) + " (" +
                    schema::NameOf(source.share) + ")");
  return Join(names, ", ");
}

using Settings = std::map<std::string, std::string>;

// By their names in recipes.
Settings SettingsOf(const Data& data, uint64_t seed, const TaskTrain& train) {
  Json json = schema::ToJson(data);
  // A training on all of each corpus does not depend on how that is divided.
  const bool reads_all = std::all_of(
      data.sources.begin(), data.sources.end(),
      [](const DataSource& source) { return source.share == SplitPart::kAll; });
  if (reads_all && json.contains("split")) {
    json["split"].erase("paths");
    json["split"].erase("seed_model");
  }
  json.erase("sources");
  json.erase("seed");
  json["train"] = schema::ToJson(train);
  Settings all = {{"corpora", CorporaOf(data)},
                  {"seed, which the model's name decides too,",
                   seed == data.seed ? std::to_string(seed)
                                     : std::to_string(seed) + " (of the text " +
                                           std::to_string(data.seed) + ")"}};
  const Json flat = json.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    std::string name = pointer.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    all[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return all;
}

bool MustBeSame(const std::string& name) {
  return !name.starts_with("train.") || kSame.contains(name);
}

bool MayDiffer(const std::string& name) {
  return std::any_of(kMayDiffer.begin(), kMayDiffer.end(),
                     [&](const char* prefix) { return name.starts_with(prefix); });
}

// "train.batch was 4 and is 8, ..." of the settings for which `counts` holds.
std::string Differences(const TrainingNote& note, const TrainTask& task,
                        bool (*counts)(const std::string&)) {
  const Settings was = SettingsOf(note.data, note.seed, note.train),
                 is = SettingsOf(task.data, task.seed, task.train);
  std::set<std::string> names;
  for (const Settings* settings : {&was, &is}) {
    for (const auto& [name, value] : *settings) names.insert(name);
  }
  const auto value_of = [](const Settings& settings, const std::string& name) {
    const auto found = settings.find(name);
    return found == settings.end() ? "not given" : found->second;
  };
  std::vector<std::string> parts;
  for (const std::string& name : names) {
    const std::string before = value_of(was, name), now = value_of(is, name);
    if (counts(name) && before != now) parts.push_back(name + " was " + before + " and is " + now);
  }
  return Join(parts, ", ");
}

Status CheckLength(const Begun& begun, const Train& train) {
  const auto shorter = [&](const char* field, int64_t bound, int64_t done, const char* unit) {
    return InvalidArgument(
        Format("it has done %lld %s, and train.%s ends the training after "
               "%lld; give more: what was done counts",
               (long long)done, unit, field, (long long)bound));
  };
  if (train.steps > 0 && train.steps <= begun.steps)
    return shorter("steps", train.steps, begun.steps, "steps");
  if (train.tokens > 0 && train.tokens <= begun.tokens)
    return shorter("tokens", train.tokens, begun.tokens, "tokens");
  return OkStatus();
}

}  // namespace

const schema::Schema& TrainingNote::Fields() {
  static const schema::Schema fields = [] {
    schema::Builder<TrainingNote> field("training", "The training of a checkpoint.");
    field("data", &TrainingNote::data, "The text: sequence, sources, split and seed.").Required();
    field("seed", &TrainingNote::seed, "Seed of the initial weights, of noise and of validation.");
    field("train", &TrainingNote::train, "How it is trained.").Required();
    field("total", &TrainingNote::total, "Steps after which it ends.");
    field("shards", &TrainingNote::shards, "What tells the shards of each input from others.");
    return field.Done();
  }();
  return fields;
}

Status CheckGoesOn(const Begun& begun, const TrainTask& task) {
  if (!begun.training) {
    return InvalidArgument(std::string("it does not say how it was trained: it was imported or "
                                       "merged, or comes from a version of braid that did not "
                                       "note it; give a checkpoint of a training, ") +
                           kNewTraining);
  }
  const TrainingNote& was = *begun.training;
  if (was.train.average.last > 0 && begun.steps >= was.total) {
    return InvalidArgument(
        Format("its weights are the mean of %lld states (train.average), from "
               "which no training goes on; give a checkpoint from before its "
               "end, %s",
               (long long)was.train.average.last, kNewTraining));
  }
  // A finished model has the optimizer's state of rank 0 alone.
  if (was.train.outer_steps() != nullptr || task.train.outer_steps() != nullptr) {
    return InvalidArgument(
        std::string("a training with outer steps (train.sync: diloco) does not go on, as each of "
                    "its ranks has an optimizer's state of its own, which no model keeps; ") +
        kInstead);
  }
  const std::string differences = Differences(was, task, MustBeSame);
  if (!differences.empty()) {
    return InvalidArgument(
        "a training goes on with the same text in the same order and with the same optimizer: " +
        differences + "; give what it was, " + kNewTraining);
  }
  return CheckLength(begun, task.train);
}

std::string OtherSettings(const TrainingNote& note, const TrainTask& task) {
  return Differences(note, task,
                     [](const std::string& name) { return !MustBeSame(name) && !MayDiffer(name); });
}

}  // namespace braid::spec
