// braid version.
#include "base/version.h"

#include <cstdio>

#include "cli/commands/command.h"
#include "cli/shared/print.h"

namespace braid::cli {

void RegisterVersion(const Registry& registry) {
  registry.app
      .add_subcommand("version", "Versions of this program and of the coordinator, if one answers")
      ->callback([registry] {
        registry.chosen = [&globals = registry.globals]() -> Result<int> {
          Json versions = {{"client", kVersion}};
          if (const Result<Endpoint> coordinator = globals.FindCoordinator(); coordinator.ok()) {
            Client client(*coordinator);
            const auto info = client.Call<v1::ServerInfo>(
                &v1::Admin::Stub::GetServerInfo, client.admin(), v1::GetServerInfoRequest(), 1'000);
            if (info.ok()) versions["coordinator"] = info->version();
          }
          if (globals.json()) {
            PrintJson(globals, versions);
          } else {
            std::printf("braid %s\n", kVersion);
            if (versions.contains("coordinator"))
              std::printf("coordinator %s\n", versions["coordinator"].get<std::string>().c_str());
          }
          return kOkExit;
        };
      });
}

}  // namespace braid::cli
