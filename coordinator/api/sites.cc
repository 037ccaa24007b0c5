#include "coordinator/api/sites.h"

#include <map>
#include <utility>

#include "coordinator/access/credentials.h"

namespace braid::coordinator {

std::vector<SiteView> SitesOf(const State& state) {
  std::map<std::string, SiteView> sites;
  for (const auto& [id, worker] : state.image().workers) {
    if (IsRemoved(id, state)) continue;
    SiteView& site = sites[worker.site];
    ++site.workers;
    const auto live = state.workers.find(id);
    if (live != state.workers.end() && live->second.link == scheduler::Link::kReady) ++site.ready;
  }
  for (const auto& [key, counted] : state.image().traffic)
    sites[key.site].traffic.push_back(counted);
  std::vector<SiteView> list;
  for (auto& [name, site] : sites) {
    site.name = name;
    list.push_back(std::move(site));
  }
  return list;
}

}  // namespace braid::coordinator
