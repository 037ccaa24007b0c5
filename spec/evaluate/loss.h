// The settings of the evaluation `loss`: the mean loss per token on the validation text of each
// corpus.
#pragma once

#include <cstdint>

#include "schema/schema.h"
#include "spec/common.h"
#include "spec/train.h"

namespace braid::spec {

// `loss` of a recipe.
struct RecipeLoss {
  // The first so many sequences of each corpus; 0: all.
  int64_t sequences = 0;

  static const schema::Schema& Fields();
};

// `loss` of an `evaluate` task, which also carries the recipe-wide settings T8 and T1.
struct LossSettings : RecipeLoss {
  LossAverage average = LossAverage::kTokenMean;
  LastLabel last_label = LastLabel::kIgnore;

  static const schema::Schema& Fields();
};

}  // namespace braid::spec
