#include "spec/evaluate/glue.h"

#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Field;
using schema::Schema;
using schema::Words;

constexpr const char* kExtraTask = "copa";

Words AllGlueTasks() {
  Words all = GlueTaskNames();
  all.insert(all.end(), SuperGlueTaskNames().begin(), SuperGlueTaskNames().end());
  return all;
}

template <class Suite>
void AddSuite(Builder<Suite>& field, const Words& tasks, const char* usual) {
  field("dir", &Suite::dir,
        "A folder with the tasks' files as they are published: each task in a folder or file of "
        "its name.")
      .Required();
  field("tasks", &Suite::tasks, "Which tasks.").OneOf(tasks).Unique().DefaultText(usual);
  field.template Include<FineTuning>();
  field("start", &Suite::start,
        "Of composites before joint training too, which takes as long again.");
}

void AddTraining(Builder<FineTuning>& field) {
  field("epochs", &FineTuning::epochs, "Epochs of a training, at most.").AtLeast(1);
  field("patience", &FineTuning::patience,
        "Ends a training after so many epochs in a row without a lower validation loss.")
      .AtLeast(1);
  field("batch", &FineTuning::batch, "Examples of a step.").AtLeast(1);
  field("lr", &FineTuning::lr, "Peak learning rate.").Above(0);
  field("weight_decay", &FineTuning::weight_decay, "Of AdamW.").AtLeast(0);
  field("warmup", &FineTuning::warmup, "Share of the steps in which the rate rises to `lr`.")
      .AtLeast(0)
      .Below(1);
  field("length", &FineTuning::length, "Tokens of an example, at most.").AtLeast(2);
  field("rank", &FineTuning::rank, "Rank of the adapters.").AtLeast(1);
  field("alpha", &FineTuning::alpha, "Scale of the adapters: they are added times alpha / rank.")
      .Above(0);
  field("dropout", &FineTuning::dropout, "Dropout before the adapters.").AtLeast(0).Below(1);
}

}  // namespace

const Words& WordsOf(MnliScore) {
  static const Words words = {"mean", "matched"};
  return words;
}

const Words& GlueTaskNames() {
  static const Words names = {"cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte"};
  return names;
}

const Words& SuperGlueTaskNames() {
  static const Words names = {"boolq", "wsc", "multirc", kExtraTask};
  return names;
}

Words CountedGlueTasks() {
  Words tasks = AllGlueTasks();
  std::erase(tasks, kExtraTask);
  return tasks;
}

const Schema& FineTuning::Fields() {
  static const Schema fields = [] {
    Builder<FineTuning> field("glue", "How a task is trained.");
    AddTraining(field);
    field("seeds", &FineTuning::seeds,
          "A training with each; one that stands twice would pass for two that agree.")
        .Unique()
        .OmitDefault()
        .DefaultText("those of PaPaformer 8.2 for each task");
    field("mnli", &FineTuning::mnli,
          "Score of MNLI: the mean of its matched and mismatched sets, or the matched one.");
    field("documents", &FineTuning::documents, "Cap on the examples of each file; 0: all.")
        .AtLeast(0);
    field("adapters", &FineTuning::adapters, "Keeps the adapters of every training.");
    return field.Done();
  }();
  return fields;
}

const Schema& GlueSettings::Fields() {
  static const Schema fields = [] {
    Builder<GlueSettings> field(
        "glue",
        "Fine-tuning on the tasks of GLUE and SuperGLUE, from inputs `glue` and `superglue`.");
    field("tasks", &GlueSettings::tasks, "Which tasks, of both suites.")
        .OneOf(AllGlueTasks())
        .Unique()
        .DefaultText("all but `copa`");
    field.Include<FineTuning>();
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeGlue::Fields() {
  static const Schema fields = [] {
    Builder<RecipeGlue> field("glue", "Low-rank fine-tuning on the tasks of GLUE.");
    AddSuite(field, GlueTaskNames(), "all");
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeSuperGlue::Fields() {
  static const Schema fields = [] {
    Builder<RecipeSuperGlue> field("superglue", "Low-rank fine-tuning on the tasks of SuperGLUE.");
    AddSuite(field, SuperGlueTaskNames(), "all but `copa`");
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
