#include "recipe/show/settings.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "model/fields.h"

namespace braid::recipe {
namespace {

// Lists stay whole: they are written whole.
void Flatten(const Json& object, const std::string& path,
             std::map<std::string, std::string>* values) {
  for (const auto& [key, value] : object.items()) {
    const std::string name = path.empty() ? key : path + "." + key;
    if (value.is_object()) {
      Flatten(value, name, values);
    } else {
      (*values)[name] = value.dump();
    }
  }
}

// The settings that differ between variants, with their values in the order of the variants.
std::map<std::string, std::vector<std::string>> Varying(const Recipe& recipe) {
  std::map<std::string, std::vector<std::string>> all;
  for (const Recipe* trained : recipe.Trained()) {
    for (const auto& [name, value] : ValuesInForce(*trained)) {
      std::vector<std::string>& seen = all[name];
      if (std::find(seen.begin(), seen.end(), value) == seen.end()) seen.push_back(value);
    }
  }
  std::erase_if(all, [](const auto& setting) { return setting.second.size() < 2; });
  return all;
}

}  // namespace

std::map<std::string, std::string> ValuesInForce(const Recipe& recipe) {
  Json all = {{"compat", schema::NameOf(recipe.compat)},
              {"priority", recipe.priority},
              {"seed", recipe.seed},
              {"sequence", recipe.sequence},
              {"validation", {{"documents", recipe.validation.documents}}},
              {"split",
               {{"paths", recipe.split.paths},
                {"joint", recipe.split.joint_part()},
                {"unit", schema::NameOf(recipe.split.unit)}}},
              {"arch", schema::ToJson(recipe.arch)},
              {"train", schema::ToJson(recipe.train)},
              {"eval", schema::ToJson(recipe.eval)}};
  if (recipe.seed_model) {
    all["split"]["seed_model"] = recipe.split.seed_model;
    all["seed_model"]["train"] = schema::ToJson(recipe.seed_model->train);
  }
  if (!recipe.composites.empty())
    all["joint"] = schema::ToJson<spec::Joint>(recipe.joint, schema::Form::kRecipe);
  if (!recipe.preempt) all["preempt"] = false;
  if (recipe.max_duration != spec::MaxDuration())
    all["max_duration"] = schema::ToJson(recipe.max_duration);
  if (recipe.memory != spec::Memory())
    all["memory"] = schema::ToJson(recipe.memory, schema::Form::kRecipe);
  std::map<std::string, std::string> values;
  Flatten(all, "", &values);
  return values;
}

std::vector<std::string> SettingsInForce(const Recipe& recipe) {
  const std::map<std::string, std::string> values = ValuesInForce(recipe);
  const std::map<std::string, std::vector<std::string>> varying = Varying(recipe);
  std::vector<std::string> lines;
  for (const auto& [name, value] : values) {
    const auto several = varying.find(name);
    lines.push_back(name + " = " +
                    (several != varying.end()         ? Join(several->second, ", ") + "  (varies)"
                     : recipe.defaults.contains(name) ? value + "  (default)"
                                                      : value));
  }
  for (const auto& [name, value] : recipe.defaults) {
    const bool without_effect = recipe.composites.empty() && name.starts_with("joint.");
    if (!values.contains(name) && !without_effect)
      lines.push_back(name + " = " + value + "  (default)");
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace braid::recipe
