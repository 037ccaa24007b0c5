// braid explain: what a field of a recipe means, as kubectl explain.
#include <cstdio>

#include "cli/commands/command.h"
#include "cli/shared/print.h"
#include "schema/describe.h"
#include "spec/documents/documents.h"

namespace braid::cli {

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
      else
        std::fputs(schema::ExplainText(place).c_str(), stdout);
      return kOkExit;
    };
  });
}

}  // namespace braid::cli
