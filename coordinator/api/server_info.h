// Information about the service itself.
#pragma once

#include <cstdint>

#include "coordinator/core/options.h"
#include "coordinator/core/state.h"

namespace braid::coordinator {

// The part of GetServerInfo's reply that comes from the core's state.
struct ServerFacts {
  bool recovering = false;  // it has just started and waits for its workers
  int64_t workers_ready = 0;
  int64_t runs_active = 0;
};
// Counts what the state has, in the core's thread.
ServerFacts FactsOf(const State& state, const Options& options);

}  // namespace braid::coordinator
