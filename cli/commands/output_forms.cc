#include "cli/commands/output_forms.h"

#include <map>

#include "cli/shared/command_words.h"

namespace braid::cli {
namespace {

struct Forms {
  bool csv = false, name = false;
};

// Those that are no lists. With -o name, a command that makes or changes one thing prints its name,
// as it does without.
const std::map<std::string, Forms>& FormsOfCommands() {
  static const std::map<std::string, Forms> forms = {
      {"braid audit", {.csv = true}},
      {"braid check", {true, true}},
      {"braid describe", {true, true}},
      {"braid doctor", {true, true}},
      {"braid explain", {true, true}},
      {"braid metrics", {true, true}},
      {"braid plan", {true, true}},
      {"braid artifact get", {.name = true}},
      {"braid artifact pin", {.name = true}},
      {"braid artifact put", {.name = true}},
      {"braid artifact unpin", {.name = true}},
      {"braid cancel", {.name = true}},
      {"braid export", {.name = true}},
      {"braid init", {.name = true}},
      {"braid manual", {.name = true}},
      {"braid merge start", {.name = true}},
      {"braid pause", {.name = true}},
      {"braid pool create", {.name = true}},
      {"braid resume", {.name = true}},
      {"braid retry", {.name = true}},
      {"braid run delete", {.name = true}},
      {"braid run tag", {.name = true}},
      {"braid server backup", {.name = true}},
      {"braid submit", {.name = true}},
      {"braid token create", {.name = true}},
      {"braid token revoke", {.name = true}},
      {"braid worker add", {.name = true}},
      {"braid worker cordon", {.name = true}},
      {"braid worker describe", {.name = true}},
      {"braid worker drain", {.name = true}},
      {"braid worker invite", {.name = true}},
      {"braid worker release", {.name = true}},
      {"braid worker remove", {.name = true}},
  };
  return forms;
}

Forms FormsOf(const CLI::App& command) {
  // Lists have this option (list_command.cc).
  if (command.get_option_no_throw("--columns") != nullptr) return {true, true};
  const auto found = FormsOfCommands().find(PathOf(command));
  return found == FormsOfCommands().end() ? Forms() : found->second;
}

}  // namespace

Status CheckOutputForm(const CLI::App& command, const std::string& form) {
  const Forms forms = FormsOf(command);
  if (form == "csv" && !forms.csv) {
    return InvalidArgument(PathOf(command) +
                           ": -o csv is for tables, and this prints none; take -o table, json or "
                           "yaml" +
                           (forms.name ? ", or name" : ""));
  }
  if (form == "name" && !forms.name) {
    return InvalidArgument(PathOf(command) +
                           ": -o name is for what has names, and this prints none; take -o table, "
                           "json or yaml" +
                           (forms.csv ? ", or csv" : ""));
  }
  return OkStatus();
}

}  // namespace braid::cli
