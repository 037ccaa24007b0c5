#include "cli/commands/list_command.h"

#include <utility>

namespace braid::cli {

void MakeList(const Registry& registry, CLI::App* command,
              std::function<Result<List>(const Globals& globals)> fetch,
              std::shared_ptr<ListOptions> options) {
  command->add_option("--sort", options->sort, "by this column: --sort age")
      ->check([](const std::string& column) {
        return std::string(column.empty() ? "give the name of a column" : "");
      });
  command->add_flag("--reverse", options->reverse, "the other way round");
  command->add_option("--columns", options->columns, "only these, in this order: run,state")
      ->delimiter(',')
      ->allow_extra_args(false);  // or it would take the argument behind it
  command->add_flag("-w,--watch", options->watch,
                    "again every two seconds; where no terminal reads, if it has changed");
  command->callback([registry, command, options = std::move(options), fetch = std::move(fetch)] {
    if (!command->get_subcommands().empty()) return;
    registry.chosen = [&globals = registry.globals, options, fetch] {
      return ShowList(globals, *options, [&] { return fetch(globals); });
    };
  });
}

}  // namespace braid::cli
