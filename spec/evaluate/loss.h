// `loss` of an evaluation: the mean loss of a token on what was set aside of each corpus.
#pragma once

#include <cstdint>

#include "schema/schema.h"
#include "spec/common.h"
#include "spec/train.h"

namespace braid::spec {

// Of a recipe.
struct RecipeLoss {
  // The first so many sequences of each corpus; 0: all.
  int64_t sequences = 0;

  static const schema::Schema& Fields();
};

// Of a task, which also has the settings that a recipe makes for all its models: T8 and T1.
struct LossSettings : RecipeLoss {
  LossAverage average = LossAverage::kTokenMean;
  LastLabel last_label = LastLabel::kIgnore;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
