#include "recipe/compat.h"

namespace braid::recipe {
namespace {

// T1-T7; T8 stands outside of `train`.
constexpr const char* kTrainFields[] = {"last_label",  "lr_schedule", "aux_load",    "aux_probs",
                                        "decay_scope", "accum_tail",  "shuffle_seed"};

// A1-A5, as recipes call them.
std::vector<std::pair<std::string, Json>> ArchFields(const model::Arch& arch) {
  return {{"attn_out_proj", arch.attn_out_proj},
          {"ffn_gate", arch.ffn_gate},
          {"rope_layout", arch.rope_layout},
          {"router_noise", arch.router_noise},
          {"rope_max_pos", arch.rope_max_pos}};
}

std::string Line(const std::string& field, const Json& value) {
  return field + " = " + (value.is_string() ? value.get<std::string>() : value.dump());
}

void AddArch(const std::string& where, const model::Arch& arch, const model::Arch& usual,
             std::vector<std::string>* lines) {
  const auto fields = ArchFields(arch), before = ArchFields(usual);
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i] != before[i])
      lines->push_back(Line(where + ".arch." + fields[i].first, fields[i].second));
  }
}

void AddTrain(const std::string& where, const Json& train, const Json& usual,
              std::vector<std::string>* lines) {
  for (const char* field : kTrainFields) {
    if (train[field] != usual[field]) lines->push_back(Line(where + "." + field, train[field]));
  }
}

}  // namespace

Json TrainPreset(const std::string& compat) {
  const bool paper = compat == "paper";
  return {
      {"batch", 32},
      {"accumulate", 8},
      {"epochs", 2},
      {"steps", 0},
      {"tokens", 0},
      {"optimizer", {{"lr", 5e-4}, {"betas", {0.9, 0.95}}, {"eps", 1e-5}, {"weight_decay", 0.1}}},
      {"clip", 1.0},
      {"last_label", paper ? "copy_input" : "ignore"},
      {"lr_schedule", paper ? "cosine_misstepped" : "cosine"},
      {"warmup_steps", 0},
      {"warmup_start", 0.0},
      {"lr_min", 0.0},
      {"aux_load", paper ? "plus_entropy" : "neg_entropy"},
      {"aux_probs", paper ? "sample" : "softmax"},
      {"lambda_entropy", 0.01},
      {"lambda_load", 0.01},
      {"decay_scope", paper ? "all" : "matrices"},
      {"accum_tail", paper ? "carry" : "drop"},
      {"shuffle_seed", paper ? "constant" : "per_epoch"},
      {"dropout_parallel", 0.0},
      {"checkpoint", {{"steps", 0}, {"seconds", 60}}},
      {"validate", {{"steps", 0}, {"sequences", 0}}}};
}

std::string ConnectInitPreset(const std::string& compat) {
  return compat == "paper" ? "normal" : "identity";
}

double JointRatePreset(const std::string& compat, const std::string& connect) {
  return compat == "paper" || connect == "slice" ? 1.0 : 0.5;
}

double ScaleJointRates(const std::string& compat, const std::string& connect, Joint* joint) {
  const double factor = joint->own_rates
                            ? 1
                            : joint->lr_factor.value_or(JointRatePreset(compat, connect));
  Json& train = joint->train;
  for (Json* rate : {&train["optimizer"]["lr"], &train["lr_min"], &train["warmup_start"]})
    *rate = factor * rate->get<double>();
  return factor;
}

std::string LossAveragePreset(const std::string& compat) {
  return compat == "paper" ? "batch_mean" : "token_mean";
}

std::vector<std::string> Overrides(const Recipe& recipe) {
  std::vector<std::string> lines;
  const auto usual = ArchFields(model::ArchPreset(recipe.compat).value());  // the reader has
                                                                            // checked the name
  const auto arch = ArchFields(recipe.arch);
  for (size_t i = 0; i < arch.size(); ++i) {
    if (arch[i] != usual[i]) lines.push_back(Line("arch." + arch[i].first, arch[i].second));
  }
  AddTrain("train", recipe.train, TrainPreset(recipe.compat), &lines);
  if (recipe.loss_average != LossAveragePreset(recipe.compat))
    lines.push_back(Line("eval.loss_average", recipe.loss_average));
  for (const Model& path : recipe.paths) {
    AddArch("paths." + path.name(), path.spec.arch, recipe.arch, &lines);
    AddTrain("paths." + path.name() + ".train", path.train, recipe.train, &lines);
  }
  for (const Model& baseline : recipe.baselines) {
    AddArch("baselines." + baseline.name(), baseline.spec.arch, recipe.arch, &lines);
    AddTrain("baselines." + baseline.name() + ".train", baseline.train, recipe.train, &lines);
  }
  if (!recipe.composites.empty()) AddTrain("joint", recipe.joint.train, recipe.train, &lines);
  for (const Composite& composite : recipe.composites) {
    AddArch("composites." + composite.name(), composite.spec.arch, recipe.arch, &lines);
    const std::string& init = composite.spec.connection.init;
    const bool begins = composite.spec.connection.kind != "slice";  // a slice has no choice
    if (begins && init != ConnectInitPreset(recipe.compat))
      lines.push_back(Line("composites." + composite.name() + ".connect_init", init));
    AddTrain("composites." + composite.name() + ".joint", composite.joint.train, recipe.joint.train,
             &lines);
  }
  return lines;
}

Json CompatJson(const Recipe& recipe) {
  return {{"mode", recipe.compat}, {"overrides", Overrides(recipe)}};
}

}  // namespace braid::recipe
