// What the service says of itself.
#pragma once

#include <cstdint>

#include "coordinator/core/options.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// What GetServerInfo adds to what the process knows of itself.
struct ServerFacts {
  bool recovering = false;  // it has just started and waits for its workers
  int64_t workers_ready = 0;
  int64_t runs_active = 0;
};
// Counts what the state has, in the core's thread.
ServerFacts FactsOf(const State& state, const Options& options);

}  // namespace braid::coordinator
