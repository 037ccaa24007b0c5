// Which workers are at a site, so that questions about its workers cost as much as the site has,
// and not as much as all sites have.
#pragma once

#include <iterator>
#include <map>
#include <set>
#include <string>

namespace braid::coordinator {

// A hint, of workers that have said hello to this process: one that is at another site now, or is
// gone, may still be named, and whoever asks looks at what the worker said last.
class WorkersBySite {
 public:
  void Note(const std::string& site, const std::string& worker) { ids_[site].insert(worker); }
  // The worker is gone for good.
  void Forget(const std::string& worker) {
    for (auto site = ids_.begin(); site != ids_.end();) {
      site->second.erase(worker);
      site = site->second.empty() ? ids_.erase(site) : std::next(site);
    }
  }
  const std::set<std::string>& At(const std::string& site) const {
    static const std::set<std::string> none;
    const auto found = ids_.find(site);
    return found == ids_.end() ? none : found->second;
  }

 private:
  std::map<std::string, std::set<std::string>> ids_;
};

}  // namespace braid::coordinator
