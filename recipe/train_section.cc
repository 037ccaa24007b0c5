#include "recipe/train_section.h"

#include <cmath>

#include "base/text.h"

namespace braid::recipe {
namespace {

// A number over `value`. One that cannot be is an error, and leaves what was there: models that
// inherit it are not wrong too.
void ReadNumber(YamlMap& map, const char* key, bool (*possible)(double), const char* message,
                Json* value) {
  const double number = map.Double(key, (*value)[key].get<double>());
  if (possible(number)) {
    (*value)[key] = number;
  } else {
    map.Fail(key, message);
  }
}

bool IsAbove0(double value) {
  return value > 0;
}
bool IsNotNegative(double value) {
  return value >= 0;
}
bool IsFinite(double value) {
  return std::isfinite(value);
}
bool IsFraction(double value) {
  return value > 0 && value <= 1;
}
bool IsShare(double value) {
  return value >= 0 && value < 1;
}

// A field that only one kind has: read where it is that kind, else an error if it is given here.
// What was inherited from another kind goes.
bool IsOfKind(YamlMap& map, const char* key, const Json& kind, const char* needed,
              const char* field, Json* value) {
  if (kind == needed) return true;
  value->erase(key);
  (void)map.Node(key);
  if (map.Has(key))
    map.Fail(key,
             Format("is of %s %s; here it is %s", field, needed, kind.get<std::string>().c_str()));
  return false;
}

// Tasks of AdamW do not name it.
void ReadOptimizerKind(YamlMap& map, Json* optimizer) {
  const std::string kind = map.Choice("kind", optimizer->value("kind", "adamw"), {"adamw", "muon"});
  optimizer->erase("kind");
  if (kind != "adamw") (*optimizer)["kind"] = kind;
  if (!IsOfKind(map, "momentum", kind, "muon", "optimizer.kind", optimizer)) return;
  if (!optimizer->contains("momentum")) (*optimizer)["momentum"] = 0.95;
  ReadNumber(map, "momentum", IsShare, "must be at least 0 and below 1", optimizer);
}

void ReadOptimizer(YamlMap& map, Json* train) {
  Json& optimizer = (*train)["optimizer"];
  YamlMap section(map.Node("optimizer"), map.PathOf("optimizer"), map.errors());
  ReadOptimizerKind(section, &optimizer);
  ReadNumber(section, "lr", IsAbove0, "must be above 0", &optimizer);
  ReadNumber(section, "eps", IsAbove0, "must be above 0", &optimizer);
  ReadNumber(section, "weight_decay", IsNotNegative, "must not be negative", &optimizer);
  const std::vector<YAML::Node> betas = section.List("betas");
  if (!section.Has("betas")) {
    map.errors().NoteDefault(section.PathOf("betas"), optimizer["betas"].dump());
    return;
  }
  Json pair = Json::array();
  for (const YAML::Node& beta : betas) {
    double value = -1;
    if (!beta.IsScalar() || !YAML::convert<double>::decode(beta, value) || !IsShare(value)) {
      section.Fail("betas", "expected two numbers of at least 0 and below 1");
    }
    pair.push_back(value);
  }
  if (pair.size() != 2) section.Fail("betas", "expected two numbers");
  optimizer["betas"] = pair;
}

// T1-T7 (PaPaformer section 7).
void ReadRules(YamlMap& map, Json* train) {
  const std::pair<const char*, std::vector<std::string>> rules[] = {
      {"last_label", {"ignore", "copy_input"}},
      {"lr_schedule", {"cosine", "cosine_misstepped", "constant", "wsd"}},
      {"aux_load", {"neg_entropy", "plus_entropy"}},
      {"aux_probs", {"softmax", "sample"}},
      {"decay_scope", {"matrices", "all", "all_but_embedding"}},
      {"accum_tail", {"drop", "flush", "carry"}},
      {"shuffle_seed", {"per_epoch", "constant"}}};
  for (const auto& [key, allowed] : rules)
    (*train)[key] = map.Choice(key, (*train)[key].get<std::string>(), allowed);
}

// How the rate of a schedule with a decay phase falls.
void ReadDecay(YamlMap& map, Json* train) {
  const Json kind = (*train)["lr_schedule"];
  if (IsOfKind(map, "lr_decay_fraction", kind, "wsd", "lr_schedule", train)) {
    if (!train->contains("lr_decay_fraction")) (*train)["lr_decay_fraction"] = 0.2;
    ReadNumber(map, "lr_decay_fraction", IsFraction, "must be above 0 and at most 1", train);
  }
  if (IsOfKind(map, "lr_decay_shape", kind, "wsd", "lr_schedule", train)) {
    (*train)["lr_decay_shape"] = map.Choice(
        "lr_decay_shape", train->value("lr_decay_shape", "linear"), {"linear", "sqrt"});
  }
}

// The published schedule anneals from the first step of every epoch, and towards 0.
void CheckSchedule(YamlMap& map, const Json& train) {
  const bool inherited = !map.Has("lr_min") && !map.Has("optimizer") && !map.Has("lr_schedule") &&
                         !map.Has("warmup_steps") && !map.Has("warmup_start");
  if (inherited) return;  // checked where it was written
  if (train["lr_min"].get<double>() > train["optimizer"]["lr"].get<double>()) {
    map.Fail("lr_min", "is above optimizer.lr; the schedule falls from one to the other");
  }
  if (train["warmup_start"].get<double>() > train["optimizer"]["lr"].get<double>()) {
    map.Fail("warmup_start", "is above optimizer.lr; the warm-up rises from one to the other");
  }
  if (train["warmup_start"].get<double>() > 0 && train["warmup_steps"].get<int64_t>() == 0) {
    map.Fail("warmup_start", "is of a warm-up; give warmup_steps too");
  }
  if (train["lr_schedule"] != "cosine_misstepped") return;
  if (train["warmup_steps"].get<int64_t>() > 0)
    map.Fail("warmup_steps", "lr_schedule cosine_misstepped has no warm-up");
  if (train["lr_min"].get<double>() > 0)
    map.Fail("lr_min", "lr_schedule cosine_misstepped falls towards 0 alone");
}

// Rates of the section itself end what is taken from `train`, and with it the factor.
void ReadRateFactor(YamlMap& map, Joint* joint) {
  const YAML::Node optimizer = map.Node("optimizer");
  const bool lr = optimizer.IsDefined() && optimizer.IsMap() && optimizer["lr"].IsDefined();
  joint->own_rates = joint->own_rates || lr || map.Has("lr_min") || map.Has("warmup_start");
  (void)map.Node("lr_factor");
  if (!map.Has("lr_factor")) return;
  joint->lr_factor = map.Double("lr_factor", 1);
  if (!(*joint->lr_factor > 0) || !std::isfinite(*joint->lr_factor))
    map.Fail("lr_factor", "must be above 0");
  if (joint->own_rates)
    map.Fail("lr_factor",
             "is of rates that come from train; joint has its own (optimizer.lr, lr_min or "
             "warmup_start)");
}

// true: for ever, false: never, n: for the first n steps.
int64_t ReadFreeze(YamlMap& map, int64_t fallback) {
  const YAML::Node node = map.Node("freeze_paths");
  if (!node.IsDefined()) {
    map.errors().NoteDefault(map.PathOf("freeze_paths"), fallback < 0 ? "true"
                                                         : fallback == 0
                                                             ? "false"
                                                             : std::to_string(fallback));
    return fallback;
  }
  bool forever = false;
  if (node.IsScalar() && YAML::convert<bool>::decode(node, forever)) return forever ? -1 : 0;
  if (node.IsScalar() && ParseInt(node.Scalar()).ok())
    return map.Int("freeze_paths", fallback, 0, kMany);
  map.Fail("freeze_paths", "expected true, false or a number of steps");
  return fallback;
}

}  // namespace

void ReadTrainFields(YamlMap& map, Json* train) {
  for (const auto& [key, least] : {std::pair<const char*, int64_t>{"batch", 1},
                                   {"accumulate", 1},
                                   {"epochs", 1},
                                   {"steps", 0},
                                   {"tokens", 0},
                                   {"warmup_steps", 0}}) {
    (*train)[key] = map.Int(key, (*train)[key].get<int64_t>(), least, kMany);
  }
  for (const char* key : {"clip", "lr_min", "warmup_start"})
    ReadNumber(map, key, IsNotNegative, "must not be negative", train);
  ReadOptimizer(map, train);
  ReadRules(map, train);
  ReadDecay(map, train);
  CheckSchedule(map, *train);
  // Any sign: a negative one turns the loss round.
  for (const char* key : {"lambda_entropy", "lambda_load"})
    ReadNumber(map, key, IsFinite, "must be finite", train);
  ReadNumber(map, "dropout_parallel", IsShare, "must be at least 0 and below 1", train);
  if (const YAML::Node telemetry = map.Node("telemetry"); telemetry.IsDefined()) {
    YamlMap part(telemetry, map.PathOf("telemetry"), map.errors());
    (*train)["telemetry"]["steps"] = part.Int("steps", 0, 0, kMany);
  }
  for (const auto& [section, second] :
       {std::pair{"checkpoint", "seconds"}, {"validate", "sequences"}}) {
    YamlMap part(map.Node(section), map.PathOf(section), map.errors());
    for (const char* key : {"steps", second}) {
      (*train)[section][key] = part.Int(key, (*train)[section][key].get<int64_t>(), 0, kMany);
    }
  }
}

void ReadTrainSection(const YAML::Node& node, const std::string& path, YamlErrors& errors,
                      Json* train) {
  YamlMap map(node, path, errors);
  ReadTrainFields(map, train);
}

void CheckGpuSlots(YamlMap& map, int64_t slots, const std::string& device,
                   const std::string& instead) {
  const char* key = map.Has("slots") ? "slots" : "device";
  if (device != "cuda" || slots == 1 || !map.Has(key)) return;  // said where it was written
  map.Fail(
      key,
      Format(
          "on device cuda slots must be 1: a rank uses one GPU, and %lld slots would take %lld; %s",
          (long long)slots, (long long)slots, instead.c_str()));
}

void ReadJointSection(const YAML::Node& node, const std::string& path, YamlErrors& errors,
                      Joint* joint) {
  YamlMap map(node, path, errors);
  joint->ranks = static_cast<int32_t>(map.Int("ranks", joint->ranks, 1, 1024));
  joint->slots = static_cast<int32_t>(map.Int("slots", joint->slots, 1, 4096));
  joint->device = map.Choice("device", joint->device, {"cpu", "cuda"});
  CheckGpuSlots(map, joint->slots, joint->device,
                Format("for %lld GPUs set joint.ranks to %lld", (long long)joint->slots,
                       (long long)joint->slots));
  joint->carry_optimizer = map.Bool("carry_optimizer", joint->carry_optimizer);
  ReadRateFactor(map, joint);
  joint->train["freeze_paths"] = ReadFreeze(map, joint->train.value("freeze_paths", int64_t{0}));
  const bool before = errors.inherited();
  errors.set_inherited(true);
  ReadTrainFields(map, &joint->train);
  errors.set_inherited(before);
  const auto batch = joint->train["batch"].get<int64_t>();
  if (batch % joint->ranks != 0) {
    map.Fail("ranks", Format("%d ranks do not divide a batch of %lld sequences", joint->ranks,
                             (long long)batch));
  }
}

}  // namespace braid::recipe
