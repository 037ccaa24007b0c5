// braid quota: what users and sites use of what they may have.
#include <cstdio>

#include "base/text.h"
#include "cli/commands/list_command.h"
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

// As a share of the limit; last where there is none.
Cell ShareCell(int64_t used, int64_t limit) {
  if (limit < 0) return {Share(used, limit)};
  return {Share(used, limit), limit == 0 ? static_cast<double>(used)
                                         : static_cast<double>(used) / static_cast<double>(limit)};
}

Cell AmountCell(int64_t amount, bool bytes) {
  if (amount < 0) return {Shown(amount, bytes)};
  return {Shown(amount, bytes), static_cast<double>(amount)};
}

Result<List> Quotas(const Globals& globals) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(
      const v1::ListQuotasResponse response,
      (client.Call<v1::ListQuotasResponse>(&v1::Admin::Stub::ListQuotas, client.admin(),
                                           v1::ListQuotasRequest())));
  List list{.header = {"OF", "NAME", "JOBS", "MOST JOBS", "JOBS USED", "ARTIFACTS",
                       "MOST ARTIFACTS", "ARTIFACTS USED"},
            .json = JsonText(response)};
  for (const v1::Quota& quota : response.quotas()) {
    list.rows.push_back(
        {quota.name(),
         {quota.kind(), quota.name(), AmountCell(quota.jobs(), false),
          AmountCell(quota.jobs_limit(), false), ShareCell(quota.jobs(), quota.jobs_limit()),
          AmountCell(quota.artifact_bytes(), true), AmountCell(quota.artifact_bytes_limit(), true),
          ShareCell(quota.artifact_bytes(), quota.artifact_bytes_limit())}});
  }
  return list;
}

}  // namespace

void RegisterQuota(const Registry& registry) {
  MakeList(registry,
           registry.app.add_subcommand(
               "quota", "What users and sites use of the jobs and bytes that they may have"),
           Quotas);
}

}  // namespace braid::cli
