#include "spec/evaluate/loss.h"

#include "schema/builder.h"

namespace braid::spec {

using schema::Builder;
using schema::Schema;

const Schema& RecipeLoss::Fields() {
  static const Schema fields = [] {
    Builder<RecipeLoss> field(
        "loss", "Mean loss of a token, perplexity and bits a byte on the text set aside.");
    field("sequences", &RecipeLoss::sequences,
          "The first so many sequences of each corpus; 0: all.")
        .AtLeast(0);
    return field.Done();
  }();
  return fields;
}

const Schema& LossSettings::Fields() {
  static const Schema fields = [] {
    Builder<LossSettings> field(
        "loss", "Mean loss of a token, perplexity and bits a byte on the text set aside.");
    field.Include<RecipeLoss>();
    field("average", &LossSettings::average,
          "T8: the mean over all targets, or over batches, the short last one included.");
    field("last_label", &LossSettings::last_label,
          "T1: the last position of a sequence has no target, or its own last token.");
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
