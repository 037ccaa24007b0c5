// How much memory jobs need.
#pragma once

#include <cstdint>

#include "schema/schema.h"

namespace braid::spec {

// `memory` of a recipe: the main memory of each rank of a job of the kind, in bytes; 0: it is not
// said, and any worker has enough.
struct Memory {
  int64_t tokenizer = 0, prepare = 0, train = 0, merge = 0, gate = 0, joint = 0, evaluate = 0,
          export_ = 0, report = 0;

  static const schema::Schema& Fields();
  bool operator==(const Memory&) const = default;
};

}  // namespace braid::spec
