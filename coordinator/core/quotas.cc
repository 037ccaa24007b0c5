#include "coordinator/core/quotas.h"

#include <map>
#include <set>
#include <utility>

namespace braid::coordinator {
namespace {

using scheduler::Quotas;
using scheduler::QuotaUse;

std::shared_ptr<const Quotas> QuotasOf(const QuotaTable* table) {
  return table == nullptr ? std::make_shared<const Quotas>() : table->Get();
}

template <typename Map>
void AddNames(const Map& map, std::set<std::string>* names) {
  for (const auto& [name, value] : map) {
    if (!name.empty()) names->insert(name);
  }
}

}  // namespace

std::shared_ptr<const Quotas> QuotaTable::Get() const {
  MutexLock lock(mutex_);
  return quotas_;
}

void QuotaTable::Put(Quotas quotas) {
  auto fresh = std::make_shared<const Quotas>(std::move(quotas));
  MutexLock lock(mutex_);
  quotas_ = std::move(fresh);
}

QuotaUse UseOfUser(const std::string& user, const State& state) {
  return {state.BytesOf(&catalog::RowCounts::bytes_of_user, user),
          state.indices().UnendedOfUser(user)};
}

QuotaUse UseOfSite(const std::string& site, const State& state) {
  return {state.BytesOf(&catalog::RowCounts::bytes_of_site, site),
          state.indices().UnendedOfSite(site)};
}

Status CheckNewJobs(const std::string& user, const std::vector<JobRecord>& jobs, const State& state,
                    const QuotaTable* table) {
  const auto quotas = QuotasOf(table);
  const scheduler::QuotaLimits limits = quotas->OfUser(user);
  const QuotaUse use = UseOfUser(user, state);
  int64_t more = 0;
  std::map<std::string, int64_t> at_site;
  for (const JobRecord& job : jobs) {
    if (Ended(job.state)) continue;  // adopted by a retry
    ++more;
    ++at_site[job.site];
  }
  BRAID_RETURN_IF_ERROR(scheduler::CheckJobs("user " + user, limits, use, more));
  BRAID_RETURN_IF_ERROR(scheduler::CheckBytes("user " + user, limits, use, 0));
  for (const auto& [site, count] : at_site) {
    const scheduler::QuotaLimits of_site = quotas->OfSite(site);
    const QuotaUse used = UseOfSite(site, state);
    BRAID_RETURN_IF_ERROR(scheduler::CheckJobs("site " + site, of_site, used, count));
    BRAID_RETURN_IF_ERROR(scheduler::CheckBytes("site " + site, of_site, used, 0));
  }
  return OkStatus();
}

Status CheckPriority(const std::string& user, int64_t priority, const QuotaTable* table) {
  return scheduler::CheckPriority("user " + user, QuotasOf(table)->OfUser(user), priority);
}

Status CheckUpload(const std::string& user, int64_t bytes, const State& state,
                   const QuotaTable* table) {
  return scheduler::CheckBytes("user " + user, QuotasOf(table)->OfUser(user),
                               UseOfUser(user, state), bytes);
}

std::vector<QuotaRow> QuotaRows(const State& state, const QuotaTable* table) {
  const auto quotas = QuotasOf(table);
  const catalog::RowCounts totals = state.Totals();
  std::set<std::string> users, sites;
  AddNames(quotas->users, &users);
  AddNames(totals.bytes_of_user, &users);
  AddNames(state.indices().unended_of_user(), &users);
  AddNames(quotas->sites, &sites);
  AddNames(totals.bytes_of_site, &sites);
  AddNames(state.indices().unended_of_site(), &sites);
  std::vector<QuotaRow> rows;
  for (const std::string& user : users)
    rows.push_back({"user", user, UseOfUser(user, state), quotas->OfUser(user)});
  for (const std::string& site : sites)
    rows.push_back({"site", site, UseOfSite(site, state), quotas->OfSite(site)});
  return rows;
}

}  // namespace braid::coordinator
