// `loss` of an evaluation: the mean loss of a token on what was set aside of each corpus.
#pragma once

#include <cstdint>

#include "schema/schema.h"
#include "spec/common.h"
#include "spec/train.h"

namespace braid::spec {

struct RecipeLoss {
  int64_t sequences = 0;  // at most so many of each corpus; 0: all

  static const schema::Schema& Fields();
};

// Of a task: what the recipe says for all models stands with it.
struct LossSettings : RecipeLoss {
  LossAverage average = LossAverage::kTokenMean;  // T8
  LastLabel last_label = LastLabel::kIgnore;      // T1

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
