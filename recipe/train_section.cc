#include "recipe/train_section.h"

namespace braid::recipe {
namespace {

constexpr int64_t kMany = int64_t{1} << 50;

// Values of T1-T6 that belong to `compat: paper`.
void ReadPaperField(YamlMap& map, const std::string& key, const std::vector<std::string>& here, const std::string& paper,
                    Json* train) {
  const std::string value = map.String(key, (*train)[key].get<std::string>());
  if (value == paper) {
    map.Fail(key, "\"" + value + "\" is not in this version of braid");
  } else {
    (*train)[key] = map.Choice(key, (*train)[key].get<std::string>(), here);
  }
}

void ReadOptimizer(YamlMap& map, Json* train) {
  Json& optimizer = (*train)["optimizer"];
  YamlMap section(map.Node("optimizer"), map.PathOf("optimizer"), map.errors());
  for (const char* field : {"lr", "eps", "weight_decay"}) {
    optimizer[field] = section.Double(field, optimizer[field].get<double>());
    if (optimizer[field].get<double>() < 0) section.Fail(field, "must not be negative");
  }
  if (!(optimizer["lr"].get<double>() > 0)) section.Fail("lr", "must be above 0");
  const std::vector<YAML::Node> betas = section.List("betas");
  if (!section.Has("betas")) {
    map.errors().NoteDefault(section.PathOf("betas"), optimizer["betas"].dump());
    return;
  }
  Json pair = Json::array();
  for (const YAML::Node& beta : betas) {
    double value = -1;
    if (!beta.IsScalar() || !YAML::convert<double>::decode(beta, value) || !(value >= 0 && value < 1)) {
      section.Fail("betas", "expected two numbers of at least 0 and below 1");
    }
    pair.push_back(value);
  }
  if (pair.size() != 2) section.Fail("betas", "expected two numbers");
  optimizer["betas"] = pair;
}

}  // namespace

Json DefaultTrain() {
  return {{"batch", 32},
          {"accumulate", 8},
          {"epochs", 2},
          {"steps", 0},
          {"tokens", 0},
          {"optimizer", {{"lr", 5e-4}, {"betas", {0.9, 0.95}}, {"eps", 1e-5}, {"weight_decay", 0.1}}},
          {"clip", 1.0},
          {"last_label", "ignore"},
          {"lr_schedule", "cosine"},
          {"warmup_steps", 0},
          {"lr_min", 0.0},
          {"decay_scope", "matrices"},
          {"accum_tail", "drop"},
          {"shuffle_seed", "per_epoch"},
          {"checkpoint", {{"steps", 0}, {"seconds", 60}}},
          {"validate", {{"steps", 0}, {"sequences", 0}}}};
}

void ReadTrainFields(YamlMap& map, Json* train) {
  for (const auto& [key, least] : {std::pair<const char*, int64_t>{"batch", 1}, {"accumulate", 1}, {"epochs", 1}, {"steps", 0},
                                   {"tokens", 0}, {"warmup_steps", 0}}) {
    (*train)[key] = map.Int(key, (*train)[key].get<int64_t>(), least, kMany);
  }
  for (const char* key : {"clip", "lr_min"}) {
    (*train)[key] = map.Double(key, (*train)[key].get<double>());
    if ((*train)[key].get<double>() < 0) map.Fail(key, "must not be negative");
  }
  ReadOptimizer(map, train);
  if ((*train)["lr_min"].get<double>() > (*train)["optimizer"]["lr"].get<double>()) {
    map.Fail("lr_min", "is above optimizer.lr; the schedule falls from one to the other");
  }
  ReadPaperField(map, "last_label", {"ignore"}, "copy_input", train);
  ReadPaperField(map, "lr_schedule", {"cosine", "constant"}, "cosine_misstepped", train);
  ReadPaperField(map, "accum_tail", {"drop", "flush"}, "carry", train);
  (*train)["decay_scope"] = map.Choice("decay_scope", (*train)["decay_scope"].get<std::string>(), {"matrices", "all"});
  (*train)["shuffle_seed"] = map.Choice("shuffle_seed", (*train)["shuffle_seed"].get<std::string>(), {"per_epoch", "constant"});
  map.NotYet("aux_load", "a router");
  map.NotYet("aux_probs", "a router");
  map.NotYet("dropout_parallel", "dropout");
  for (const auto& [section, second] : {std::pair{"checkpoint", "seconds"}, {"validate", "sequences"}}) {
    YamlMap part(map.Node(section), map.PathOf(section), map.errors());
    for (const char* key : {"steps", second}) {
      (*train)[section][key] = part.Int(key, (*train)[section][key].get<int64_t>(), 0, kMany);
    }
  }
}

void ReadTrainSection(const YAML::Node& node, const std::string& path, YamlErrors& errors, Json* train) {
  YamlMap map(node, path, errors);
  ReadTrainFields(map, train);
}

}  // namespace braid::recipe
