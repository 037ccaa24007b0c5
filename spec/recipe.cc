#include "spec/recipe.h"

#include "schema/builder.h"
#include "spec/data.h"

namespace braid::spec {

using schema::Builder;
using schema::Schema;

const Schema& RecipeTop::Fields() {
  static const Schema fields = [] {
    Builder<RecipeTop> field("recipe", "What a run is.");
    field("run", &RecipeTop::run, "Name of the run.").Required();
    field("compat", &RecipeTop::compat,
          "Which preset the fields A1-A5 and T1-T8 begin from: `paper`, what was published, or "
          "`fixed`, the same corrected.");
    field("priority", &RecipeTop::priority,
          "Of the run against others: its jobs go before those of runs with a lower one "
          "([operating.md](operating.md), Order). `braid submit --priority N` says otherwise.")
        .AtLeast(-kMaxPriority)
        .AtMost(kMaxPriority);
    field(
        "preempt", &RecipeTop::preempt,
        "Whether running trainings and evaluations of runs with a lower `priority` may be stopped, "
        "with a checkpoint, for jobs of this run that find no free slots. Only a coordinator with "
        "`--preempt` does that ([operating.md](operating.md#preemption)); `false`: this run waits "
        "until slots are free, also there.")
        .OmitDefault();
    field("seed", &RecipeTop::seed,
          "Seed of the initial weights, the data order, what is set aside, and sampling.");
    field("sequence", &RecipeTop::sequence, "Tokens of one training sequence.")
        .AtLeast(2)
        .AtMost(kMaxSequence);
    field("max_duration", &RecipeTop::max_duration).OmitDefault();
    field("memory", &RecipeTop::memory).OmitDefault();
    field(
        "tags", &RecipeTop::tags,
        "Words by which the run is found in lists, at most 32 of 64 bytes each, without commas "
        "([operating.md](operating.md#tags)). `braid submit --tag WORD` adds more, and `braid run "
        "tag` changes them later. Nothing that is computed depends on them.")
        .OmitDefault();
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeEval::Fields() {
  static const Schema fields = [] {
    Builder<RecipeEval> field("eval", "How losses are averaged.");
    field(
        "loss_average", &RecipeEval::loss_average,
        "`token_mean`: the mean over all targets; `batch_mean`: the mean of the batches' means, a "
        "shorter last one included.")
        .Id("T8")
        .Paper(LossAverage::kBatchMean);
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
