#include "recipe/show/fields.h"

#include "base/json.h"
#include "recipe/parse/written_fields.h"
#include "recipe/show/settings.h"
#include "recipe/sweep.h"

namespace braid::recipe {
namespace {

// Of JSON, as people write it: texts without their quotes.
std::string Plain(const std::string& json) {
  const Json value = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : json;
}

FieldValues FieldsOf(const Recipe& trained, const FieldValues& written, const SweptValues& swept) {
  FieldValues fields = written;
  for (const SweptValue& value : swept) {
    if (value.axis != kSeedsAxis) fields[value.axis] = value.text;
  }
  for (const auto& [name, value] : trained.defaults) fields[name] = Plain(value);
  for (const auto& [name, value] : ValuesInForce(trained)) fields[name] = Plain(value);
  fields[kTrainingSeedField] = std::to_string(trained.TrainingSeed());
  return fields;
}

}  // namespace

std::vector<FieldValues> FieldsOfTrainings(const Recipe& recipe) {
  const FieldValues written = WrittenFields(recipe.text);
  if (recipe.variants.empty()) return {FieldsOf(recipe, written, {})};
  std::vector<FieldValues> all;
  for (const Variant& variant : recipe.variants)
    all.push_back(FieldsOf(variant.recipe, written, variant.values));
  return all;
}

}  // namespace braid::recipe
