// braid site list: the sites of workers, and what was moved to and from each.
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "base/text.h"
#include "cli/commands/list_command.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

Result<List> Sites(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::ListSitesResponse response,
                         (client.Call<v1::ListSitesResponse>(
                             &v1::Admin::Stub::ListSites, client.admin(), v1::ListSitesRequest())));
  List list{.header = {"SITE", "WORKERS", "CONNECTED", "FETCHED", "CORPUS", "SHARDS", "CHECKPOINTS",
                       "FROM NEIGHBOURS", "DIRECT", "SENT", "SHARDS SENT", "CHECKPOINTS SENT"},
            .json = JsonText(response)};
  for (const v1::Site& site : response.sites()) {
    std::map<std::pair<std::string, std::string>, int64_t> moved;
    std::map<std::string, int64_t> all;
    for (const v1::SiteTraffic& traffic : site.traffic()) {
      const auto bytes = static_cast<int64_t>(traffic.bytes());
      moved[{traffic.way(), traffic.kind()}] += bytes;
      all[traffic.way()] += bytes;
    }
    const auto bytes = [&](const char* way, const char* of) { return BytesCell(moved[{way, of}]); };
    list.rows.push_back(
        {site.name(),
         {site.name().empty() ? "-" : site.name(), CountCell(site.workers()),
          CountCell(site.workers_ready()), BytesCell(all["fetched"]), bytes("fetched", "corpus"),
          bytes("fetched", "shards"), bytes("fetched", "checkpoint"), BytesCell(all["neighbour"]),
          BytesCell(all["direct"]), BytesCell(all["sent"]), bytes("sent", "shards"),
          bytes("sent", "checkpoint")}});
  }
  return list;
}

}  // namespace

void RegisterSite(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("site", "The sites of workers");
  command->require_subcommand(1);
  MakeList(
      registry,
      command->add_subcommand("list", "Sites, and what their workers have fetched and sent so far"),
      Sites);
}

}  // namespace braid::cli
