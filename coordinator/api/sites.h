// The sites of workers, and what was moved to and from each, for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/core/state.h"

namespace braid::coordinator {

// A site and what is known of it.
struct SiteView {
  std::string name;
  int64_t workers = 0;
  int64_t ready = 0;
  std::vector<catalog::TrafficRecord> traffic;
};
// All sites of workers and of counts, by name.
std::vector<SiteView> SitesOf(const State& state);

}  // namespace braid::coordinator
