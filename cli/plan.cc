// braid plan: what a recipe would do, without doing it.
#include <cstdio>

#include "cli/command.h"
#include "cli/recipe_file.h"

namespace braid::cli {

void RegisterPlan(const Registry& registry) {
  auto path = std::make_shared<std::string>();
  auto only = std::make_shared<std::vector<std::string>>();
  CLI::App* command = registry.app.add_subcommand("plan", "Check a recipe and show its jobs, sizes and settings; nothing is started");
  command->add_option("recipe", *path, "recipe file, or - for standard input")->required();
  command->add_option("--only", *only, "only this job and what it needs (may be repeated)");
  command->callback([registry, path, only] {
    registry.chosen = [&globals = registry.globals, path, only]() -> Result<int> {
      BRAID_ASSIGN_OR_RETURN(const RecipeFile file, LoadRecipe(*path, *only));
      std::fputs(globals.json() ? DumpJson(PlanJson(file)).c_str() : PlanText(file).c_str(), stdout);
      return kOkExit;
    };
  });
}

}  // namespace braid::cli
