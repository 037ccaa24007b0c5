// braid manual: pages for man.
#include <cstdio>

#include "base/file.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/man_page.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

Result<int> WritePages(const Globals& globals, const CLI::App& program, const std::string& folder) {
  BRAID_RETURN_IF_ERROR(MakeFolder(folder));
  Json files = Json::array();
  for (const auto& [name, text] : ManPages(program)) {
    const std::string path = JoinPath(folder, name);
    BRAID_RETURN_IF_ERROR(WriteFileAtomic(path, text));
    files.push_back(path);
  }
  if (globals.json()) return PrintJson(globals, Json::object({{"files", files}})), kOkExit;
  for (const Json& file : files) std::printf("%s\n", file.get<std::string>().c_str());
  return kOkExit;
}

}  // namespace

void RegisterManual(const Registry& registry) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command = registry.app.add_subcommand(
      "manual", "Write a page for man for each command: braid manual ~/.local/share/man/man1");
  command->add_option("folder", *folder, "of pages of section 1; made if it is not there")
      ->type_name(kFolderValue)
      ->required();
  command->callback([registry, folder] {
    registry.chosen = [&globals = registry.globals, &app = registry.app, folder] {
      return WritePages(globals, app, *folder);
    };
  });
}

}  // namespace braid::cli
