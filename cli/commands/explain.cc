// braid explain: what a field of a recipe means, as kubectl explain.
#include <cstdio>

#include "cli/commands/command.h"
#include "cli/shared/print.h"
#include "schema/describe.h"
#include "spec/documents/documents.h"

namespace braid::cli {
namespace {

std::string DefaultOf(const Json& field) {
  if (field.contains("default_text")) return field["default_text"].get<std::string>();
  if (!field.contains("default")) return "";
  return field["default"].is_string() ? field["default"].get<std::string>()
                                      : field["default"].dump();
}

// The fields of a section, or the one field; sections within it have neither type nor default.
std::vector<Json> FieldsOf(const schema::FieldLocation& place) {
  const Json json = schema::ExplainJson(place);
  std::vector<Json> fields;
  if (!json.contains("fields")) {
    fields.push_back(json);
  } else {
    for (const Json& field : json["fields"]) fields.push_back(field);
  }
  return fields;
}

void PrintFields(const Globals& globals, const std::vector<Json>& fields) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& field : fields) {
    if (globals.output == "name") {
      std::printf("%s\n", field["path"].get<std::string>().c_str());
    } else {
      rows.push_back({field["path"].get<std::string>(), field.value("type", std::string()),
                      DefaultOf(field), field["meaning"].get<std::string>()});
    }
  }
  if (globals.output != "name") PrintTable(globals, {"FIELD", "TYPE", "DEFAULT", "MEANING"}, rows);
}

}  // namespace

void RegisterExplain(const Registry& registry) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = registry.app.add_subcommand(
      "explain", "What a field of a recipe means: type, range, defaults; a section: its fields");
  command->add_option("path", *path, "field or section, as train.optimizer.lr; left out: the top");
  command->callback([registry, path] {
    registry.chosen = [&globals = registry.globals, path]() -> Result<int> {
      BRAID_ASSIGN_OR_RETURN(const schema::FieldLocation place,
                             schema::FindField(spec::RecipeDocument(), *path));
      if (globals.json())
        PrintJson(globals, schema::ExplainJson(place));
      else if (globals.output == "csv" || globals.output == "name")
        PrintFields(globals, FieldsOf(place));
      else
        std::fputs(schema::ExplainText(place).c_str(), stdout);
      return kOkExit;
    };
  });
}

}  // namespace braid::cli
