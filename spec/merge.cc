#include "spec/merge.h"

#include "schema/builder.h"
#include "spec/data.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

// One parent alone makes no composite; with a base, its paths may be all there is.
template <class Task>
void CheckParents(const Task& task, const Fail& fail) {
  if (!task.base && task.parents.size() < 2) fail({"parents"}, "must name at least two");
}

constexpr char kDtypeMeaning[] =
    "The type of the weights in it; `bf16`, half as large, rounds them to the nearest.";

}  // namespace

const schema::Words& WordsOf(ExportFormat) {
  static const schema::Words words = {"huggingface"};
  return words;
}

const schema::Words& WordsOf(ExportDtype) {
  static const schema::Words words = {"f32", "bf16"};
  return words;
}

const Schema& MergeTask::Fields() {
  static const Schema fields = [] {
    Builder<MergeTask> field("merge", "Parents become a composite.");
    field("model", &MergeTask::model, "The composite ([models.md](models.md)).").Required();
    field("seed", &MergeTask::seed, "Seed of new tensors.");
    field("parents", &MergeTask::parents,
          "Names of the parents, inputs `parent.<name>`, in the order of their slices; two or more "
          "without `base`.");
    field(
        "carry_optimizer", &MergeTask::carry_optimizer,
        "The output also has the state of the parents' optimizers, for each tensor that comes from "
        "them.");
    field(
        "base", &MergeTask::base,
        "What the composite has besides its paths comes from input `base` where shapes agree, and "
        "a path that no parent input names comes from it by name.")
        .OmitDefault();
    field.Check(CheckParents<MergeTask>);
    return field.Done();
  }();
  return fields;
}

const Schema& GateTask::Fields() {
  static const Schema fields = [] {
    Builder<GateTask> field("gate", "Checks that a composite computes what its parents compute.");
    field("parents", &GateTask::parents, "Names of the parents, inputs `parent.<name>`.");
    field("base", &GateTask::base, "As in `merge`: only the parents named are compared then.")
        .OmitDefault();
    field("sequences", &GateTask::sequences, "How many held-out sequences are compared.")
        .AtLeast(1);
    field("sequence", &GateTask::sequence, "Tokens of each.").AtLeast(2).AtMost(kMaxSequence);
    field.Check(CheckParents<GateTask>);
    return field.Done();
  }();
  return fields;
}

const Schema& ExportTask::Fields() {
  static const Schema fields = [] {
    Builder<ExportTask> field("export", "A model becomes a folder for other programs.");
    field("name", &ExportTask::name, "Of the model.").Required();
    field("format", &ExportTask::format, "What the folder is for.");
    field("dtype", &ExportTask::dtype, kDtypeMeaning);
    field("card", &ExportTask::card);
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeExport::Fields() {
  static const Schema fields = [] {
    Builder<RecipeExport> field("export", "Every model also as a folder for other programs.");
    field("format", &RecipeExport::format, "What the folders are for.");
    field("dtype", &RecipeExport::dtype, kDtypeMeaning);
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
