// How long a run and its jobs may take.
#pragma once

#include <cstdint>

#include "schema/schema.h"

namespace braid::spec {

// `max_duration` of a recipe, in seconds; 0: as long as it takes.
struct MaxDuration {
  // From the submission of the run, whatever it waits for.
  int64_t run = 0;
  // Of one job of the kind, while it has workers: its attempts together.
  int64_t tokenizer = 0, prepare = 0, train = 0, merge = 0, gate = 0, joint = 0, evaluate = 0,
          export_ = 0, report = 0;

  static const schema::Schema& Fields();
  bool operator==(const MaxDuration&) const = default;
};

}  // namespace braid::spec
