#include "spec/sweep.h"

#include "schema/builder.h"

namespace braid::spec {

using schema::Builder;
using schema::Fail;
using schema::Schema;

const schema::Words& WordsOf(SweepMethod) {
  static const schema::Words words = {"grid", "random"};
  return words;
}
const schema::Words& WordsOf(SweepScale) {
  static const schema::Words words = {"linear", "log"};
  return words;
}

const Schema& RecipeSweep::Fields() {
  static const Schema fields = [] {
    Builder<RecipeSweep> field("sweep", "Settings that the run varies.");
    field("method", &RecipeSweep::method,
          "`grid`: every combination of the values; `random`: `count` combinations that are drawn, "
          "none of them twice.");
    field("count", &RecipeSweep::count, "How many combinations are drawn.")
        .AtLeast(1)
        .AtMost(kMaxVariants)
        .OnlyIf("method", SweepMethod::kRandom)
        .DefaultText("required");
    field("seed", &RecipeSweep::seed, "Seed of the drawing.")
        .OnlyIf("method", SweepMethod::kRandom);
    field.Check([](const RecipeSweep& sweep, const Fail& fail) {
      // A range has infinitely many values, so a random sweep has no natural size.
      if (sweep.method == SweepMethod::kRandom && !sweep.count)
        fail({"count"}, "is missing: how many combinations are drawn");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& SweepRange::Fields() {
  static const Schema fields = [] {
    Builder<SweepRange> field("range", "Values of a random sweep between two numbers.");
    field("min", &SweepRange::min, "The least value.").Required();
    field("max", &SweepRange::max, "The largest value.").Required();
    field("scale", &SweepRange::scale,
          "`linear`: every value is as likely as any other; `log`: every factor is.");
    field.Check([](const SweepRange& range, const Fail& fail) {
      if (range.max <= range.min) fail({"max"}, "is not above min");
      // The logarithm of 0 and below does not exist.
      if (range.scale == SweepScale::kLog && range.min <= 0)
        fail({"min"}, "must be above 0 with scale: log");
    });
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
