#include "spec/sweep.h"

#include "schema/builder.h"

namespace braid::spec {

using schema::Builder;
using schema::Fail;
using schema::Schema;

const schema::Words& WordsOf(SweepMethod) {
  static const schema::Words words = {"grid", "random", "halving"};
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
          "none of them twice; `halving`: every combination, or `count` that are drawn, of which "
          "the worse ones are stopped early, below.");
    field("count", &RecipeSweep::count, "How many combinations are drawn.")
        .AtLeast(1)
        .AtMost(kMaxVariants)
        .OnlyIf("method", SweepMethod::kRandom, SweepMethod::kHalving)
        .DefaultText("required by `random`; `halving` takes all");
    field("seed", &RecipeSweep::seed, "Seed of the drawing.")
        .OnlyIf("method", SweepMethod::kRandom, SweepMethod::kHalving);
    field("models", &RecipeSweep::models,
          "The models whose trainings are compared and stopped: paths, baselines, and composites, "
          "whose joint phases they are. Each is compared with the trainings of its own name alone.")
        .OnlyIf("method", SweepMethod::kHalving)
        .DefaultText("required");
    field("eta", &RecipeSweep::eta, "The best one of so many goes on.")
        .AtLeast(2)
        .AtMost(kMaxVariants)
        .OnlyIf("method", SweepMethod::kHalving);
    field("first", &RecipeSweep::first,
          "The part of a training's steps, and so of its tokens, after which it is compared for "
          "the first time. The later parts are a constant factor apart.")
        .Above(0)
        .Below(1)
        .OnlyIf("method", SweepMethod::kHalving)
        .DefaultText("`1 / eta` to the power of `rungs - 1`");
    field("rungs", &RecipeSweep::rungs,
          "How many parts a training has: behind each but the last one it is compared.")
        .AtLeast(2)
        .AtMost(kMostRungs)
        .OnlyIf("method", SweepMethod::kHalving)
        .DefaultText("as many as leave one setting");
    field.Check([](const RecipeSweep& sweep, const Fail& fail) {
      // A range has infinitely many values, so a random sweep has no natural size.
      if (sweep.method == SweepMethod::kRandom && !sweep.count)
        fail({"count"}, "is missing: how many combinations are drawn");
      if (sweep.method == SweepMethod::kHalving && sweep.models.empty())
        fail({"models"}, "is missing: the models whose trainings are compared, such as [dense]");
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
