// braid quota: what users and sites use of what they may have.
#include <cstdio>

#include "base/text.h"
#include "cli/commands/command.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

std::string Shown(int64_t value, bool bytes) {
  if (value < 0) return "-";
  return bytes ? FormatBytes(static_cast<uint64_t>(value)) : std::to_string(value);
}

// How much of the limit is used.
std::string Share(int64_t used, int64_t limit) {
  if (limit < 0) return "-";
  if (limit == 0) return used > 0 ? "over" : "0 %";
  return Format("%.0f %%", 100 * static_cast<double>(used) / static_cast<double>(limit));
}

Result<int> ShowQuotas(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(
      const v1::ListQuotasResponse response,
      (client.Call<v1::ListQuotasResponse>(&v1::Admin::Stub::ListQuotas, client.admin(),
                                           v1::ListQuotasRequest())));
  if (globals.json()) return PrintJson(response), kOkExit;
  std::vector<std::vector<std::string>> rows;
  for (const v1::Quota& quota : response.quotas()) {
    if (globals.output == "name") {
      std::printf("%s\n", quota.name().c_str());
      continue;
    }
    rows.push_back({quota.kind(), quota.name(), Shown(quota.jobs(), false),
                    Shown(quota.jobs_limit(), false), Share(quota.jobs(), quota.jobs_limit()),
                    Shown(quota.artifact_bytes(), true), Shown(quota.artifact_bytes_limit(), true),
                    Share(quota.artifact_bytes(), quota.artifact_bytes_limit())});
  }
  if (globals.output != "name")
    PrintTable(globals, {"OF", "NAME", "JOBS", "LIMIT", "USED", "ARTIFACTS", "LIMIT", "USED"},
               rows);
  return kOkExit;
}

}  // namespace

void RegisterQuota(const Registry& registry) {
  registry.app
      .add_subcommand("quota", "What users and sites use of the jobs and bytes that they may have")
      ->callback([registry] {
        registry.chosen = [&globals = registry.globals] { return ShowQuotas(globals); };
      });
}

}  // namespace braid::cli
