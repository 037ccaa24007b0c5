#include "cli/shared/setting_option.h"

#include "base/text.h"
#include "schema/describe.h"

namespace braid::cli {
namespace {

Json NumberOr(const std::string& text) {
  if (const Result<int64_t> number = ParseInt(text); number.ok()) return *number;
  return text;
}

// The text as a document would have the value. A text that is no number stays text, so that
// Field::Wrong says what was expected; lists are separated by commas.
Json ValueOf(const schema::Field& field, const std::string& text) {
  using schema::Type;
  if (field.type == Type::kInt) return NumberOr(text);
  if (field.type == Type::kNumber) {
    const Result<double> number = ParseDouble(text);
    return number.ok() ? Json(*number) : Json(text);
  }
  if (!field.is_list()) return text;
  Json list = Json::array();
  for (const std::string& word : Split(text, ','))
    list.push_back(field.type == Type::kInts ? NumberOr(word) : Json(word));
  return list;
}

const char* TypeName(const schema::Field& field) {
  using schema::Type;
  if (field.is_list()) return "LIST";
  if (field.type == Type::kInt) return "INT";
  return field.type == Type::kNumber ? "FLOAT" : "TEXT";
}

}  // namespace

void AddSettingOption(const SettingOption& setting, CLI::App* command, GivenSettings* given) {
  const schema::Schema& fields = setting.fields();
  const schema::Field* field = fields.Find(setting.field);
  BRAID_CHECK(field != nullptr);
  const std::string prefix = setting.prefix;
  std::string meaning = (prefix.empty() ? "" : prefix + ": ") + field->meaning;
  if (field->type == schema::Type::kChoice)
    meaning += " One of " + Join(field->choices, ", ") + ".";
  CLI::Option* option = command->add_option_function<std::string>(
      setting.option,
      [given, name = setting.option](const std::string& text) { (*given)[name] = text; }, meaning);
  option->check(CLI::Validator(
      [field](std::string& text) { return field->Wrong(ValueOf(*field, text)); }, ""));
  option->type_name(TypeName(*field));
  option->default_str(schema::DefaultText(fields, *field));
}

std::vector<std::string> WordsOf(const GivenSettings& given,
                                 const std::vector<const char*>& options) {
  std::vector<std::string> words;
  for (const char* option : options) {
    const auto found = given.find(option);
    if (found != given.end()) words.insert(words.end(), {option, found->second});
  }
  return words;
}

}  // namespace braid::cli
