#include "spec/evaluate/evaluate.h"

#include "schema/builder.h"
#include "spec/train.h"

namespace braid::spec {

using schema::Builder;
using schema::Fail;
using schema::Schema;

bool Measurements::any() const {
  return loss || generate || blimp || glue || routing || dual || next_token;
}

const Schema& Measurements::Fields() {
  static const Schema fields = [] {
    Builder<Measurements> field("evaluate", "What is measured of a model.");
    field("loss", &Measurements::loss);
    field("generate", &Measurements::generate);
    field("blimp", &Measurements::blimp);
    field("glue", &Measurements::glue);
    field("routing", &Measurements::routing);
    field("dual", &Measurements::dual);
    field("next_token", &Measurements::next_token);
    return field.Done();
  }();
  return fields;
}

const Schema& EvaluateCheckpoint::Fields() {
  static const Schema fields = [] {
    Builder<EvaluateCheckpoint> field("checkpoint", "How often a checkpoint is written.");
    field("seconds", &EvaluateCheckpoint::seconds,
          "A checkpoint after a piece that ends so long after the last one, and at a stop.")
        .AtLeast(0);
    return field.Done();
  }();
  return fields;
}

const Schema& EvaluateTask::Fields() {
  static const Schema fields = [] {
    Builder<EvaluateTask> field("evaluate", "A model is measured.");
    field("name", &EvaluateTask::name, "Of the evaluation, in reports.").Required();
    field("sequence", &EvaluateTask::sequence, "Tokens that are read at once.")
        .AtLeast(2)
        .AtMost(kMaxSequence);
    field("checkpoint", &EvaluateTask::checkpoint, "How often a checkpoint is written.")
        .OmitDefault();
    field.Include<Measurements>();
    return field.Done();
  }();
  return fields;
}

const Schema& EvaluateResources::Fields() {
  static const Schema fields = [] {
    Builder<EvaluateResources> field("resources", "What each evaluation runs on.");
    field("slots", &EvaluateResources::slots,
          "CPU cores of each evaluation; 1 with `device: cuda`, which is one GPU.")
        .AtLeast(1)
        .AtMost(4096);
    field("device", &EvaluateResources::device, "What it computes on.");
    field.Check([](const EvaluateResources& resources, const Fail& fail) {
      CheckGpuSlots(resources.slots, resources.device, "one GPU is what an evaluation can use",
                    fail);
    });
    return field.Done();
  }();
  return fields;
}

bool RecipeEvaluate::any() const {
  return loss || generate || next_token || blimp || glue || superglue || routing || dual;
}

const Schema& RecipeEvaluate::Fields() {
  static const Schema fields = [] {
    Builder<RecipeEvaluate> field("evaluate", "What is measured of every model.");
    field("loss", &RecipeEvaluate::loss);
    field.OrWord("loss", "all");
    field("generate", &RecipeEvaluate::generate);
    field("next_token", &RecipeEvaluate::next_token);
    field("blimp", &RecipeEvaluate::blimp);
    field("glue", &RecipeEvaluate::glue);
    field("superglue", &RecipeEvaluate::superglue);
    field("routing", &RecipeEvaluate::routing);
    field("dual", &RecipeEvaluate::dual);
    field("resources", &RecipeEvaluate::resources);
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
