#include "coordinator/api/server_info.h"

#include <algorithm>

#include "coordinator/core/pass.h"

namespace braid::coordinator {

ServerFacts FactsOf(const State& state, const Options& options) {
  ServerFacts facts;
  facts.recovering = Recovering(state, options, options.clock->MonotonicMs());
  facts.workers_ready = std::count_if(
      state.workers.begin(), state.workers.end(),
      [](const auto& worker) { return worker.second.link == scheduler::Link::kReady; });
  facts.runs_active = std::count_if(state.image().runs.begin(), state.image().runs.end(),
                                    [](const auto& run) { return !Ended(run.second.state); });
  return facts;
}

}  // namespace braid::coordinator
