#include "spec/model.h"

#include "model/fields.h"
#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Field;
using schema::Schema;

// A recipe that gives several GPUs to a path most likely wants them to train together, which only
// joint training does.
void CheckTraining(const RecipeTraining& model, const Fail& fail) {
  CheckGpuSlots(model.slots, model.device,
                "one GPU trains a model of its own (joint training has joint.ranks)", fail);
  // Without `start` there is no checkpoint from which a state could be taken.
  if (model.start_moments != StartMoments::kAuto && model.start.empty())
    fail({"start_moments"}, "is of a start; give start too");
  if (!model.continued.empty() && !model.start.empty()) {
    fail({"continue"},
         "goes on with the training of a checkpoint, and start begins a new one; give one of the "
         "two");
  }
}

}  // namespace

const schema::Words& WordsOf(FfnRule) {
  static const schema::Words words = {"exact", "paper"};
  return words;
}

const Schema& RecipeDual::Fields() {
  static const Schema fields = [] {
    Builder<RecipeDual> field("dual", "Knobs of the blocks of the dual-path paper.");
    field.Include<model::Dual>();
    field("ffn_rule", &RecipeDual::ffn_rule,
          "Hidden widths are given as they are; or `paper`: as the published configurations write "
          "them, `d_ffn_deep` and `d_ffn_wide` before the 2/3 rule.");
    field("multiple", &RecipeDual::multiple, "What hidden widths are rounded up to.")
        .AtLeast(1)
        .AtMost(65536)
        .OnlyIf("ffn_rule", FfnRule::kPaper);
    field("d_ffn_deep", &RecipeDual::d_ffn_deep, "Of deep paths: the width before the 2/3 rule.")
        .AtLeast(1)
        .AtMost(model::kMaxHidden)
        .OnlyIf("ffn_rule", FfnRule::kPaper);
    field("d_ffn_wide", &RecipeDual::d_ffn_wide, "Of wide paths: the width before the 2/3 rule.")
        .AtLeast(1)
        .AtMost(model::kMaxHidden)
        .OnlyIf("ffn_rule", FfnRule::kPaper);
    field("budget", &RecipeDual::budget,
          "Operations of a token and layer, from which the published solver takes the widths.")
        .Above(0);
    field("alpha", &RecipeDual::alpha, "With `budget`: the deep path's share of a `dual_path`.")
        .Above(0)
        .Below(1);
    field("flop_match", &RecipeDual::flop_match,
          "With `budget`: counts products with weights, as published; `total` counts the scores of "
          "attention too, as they are in the dual model that a `wide` or `loop` is compared with.");
    field("against", &RecipeDual::against,
          "With `flop_match: total`: the number of loops K of the dual-path model whose operations "
          "are matched; of a `loop`, its own unless given.")
        .AtLeast(1)
        .AtMost(model::kMaxLoops);
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeBlocks::Fields() {
  static const Schema fields = [] {
    Builder<RecipeBlocks> field("blocks", "Blocks of one kind.");
    field("kv_heads", &RecipeBlocks::kv_heads,
          "Heads of keys and values, each of which several neighbouring queries share "
          "(grouped-query attention); they divide `heads`.")
        .AtLeast(1)
        .AtMost(4096)
        .DefaultText("`heads`");
    field("block", &RecipeBlocks::block, "").meaning = "The kind of block. " +
                                                       model::BlockMeanings() + ".";
    field("ffn", &RecipeBlocks::ffn, "Hidden width of the feed-forward part.")
        .AtLeast(1)
        .AtMost(model::kMaxHidden)
        .OnlyIf("block", model::BlockWords(/*has_dual=*/false))
        .DefaultText("4 d");
    field("dual", &RecipeBlocks::dual, "The knobs of the block, below.")
        .OnlyIf("block", model::BlockWords(/*has_dual=*/true))
        .Required()
        .DefaultText("required");
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeStack::Fields() {
  static const Schema fields = [] {
    Builder<RecipeStack> field("shape", "Width, heads and blocks.");
    field("d", &RecipeStack::d, "Width.").Required().AtLeast(2).AtMost(65536);
    field("heads", &RecipeStack::heads, "Heads of attention; they divide `d` into even sizes.")
        .Required()
        .AtLeast(1)
        .AtMost(4096);
    field("blocks", &RecipeStack::blocks, "Number of blocks.").Required().AtLeast(1).AtMost(1024);
    field.Include<RecipeBlocks>();
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeShape::Fields() {
  static const Schema fields = [] {
    Builder<RecipeShape> field("paths", "The shape of a path.");
    field("name", &RecipeShape::name, "Its name.").DefaultText("`path_1`, ...");
    field("corpus", &RecipeShape::corpus, "Of a path that stays in a base: the corpus it knows.");
    field.Include<RecipeStack>();
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeConnectionFields() {
  static const Schema fields = [] {
    Schema connection = model::ConnectionFields();
    // The fields stand among the keys of the composite, where `kind` and `init` would say nothing.
    for (Field& field : connection.fields) {
      if (field.only_if_field == "kind") field.only_if_field = "connect";
      if (field.name == "kind") field.name = "connect";
      if (field.name != "init") continue;
      field.name = "connect_init";
      field.omit_default = false;
      field.default_value = Json();  // it depends on the preset
      field.default_text = "`identity`; under `compat: paper`, and of baselines, `normal`";
    }
    return connection;
  }();
  return fields;
}

const Schema& RecipeSeedModel::Fields() {
  static const Schema fields = [] {
    Builder<RecipeSeedModel> field("seed_model", "The model from which all paths begin.");
    field("slots", &RecipeSeedModel::slots,
          "CPU cores of its job; 1 with `device: cuda`, which is one GPU.")
        .AtLeast(1)
        .AtMost(4096);
    field("device", &RecipeSeedModel::device, "What it computes on.");
    field("moments", &RecipeSeedModel::moments,
          "The paths go on with the state of its optimizer (`carry`), or begin with none "
          "(`reset`).");
    field.Check([](const RecipeSeedModel& model, const Fail& fail) {
      CheckGpuSlots(model.slots, model.device, "one GPU trains a model of its own", fail);
    });
    return field.Done();
  }();
  return fields;
}

const Schema& RecipeTraining::Fields() {
  static const Schema fields = [] {
    Builder<RecipeTraining> field("training", "The job that trains a model.");
    field("slots", &RecipeTraining::slots,
          "CPU cores of its job; 1 with `device: cuda`, which is one GPU.")
        .AtLeast(1)
        .AtMost(4096);
    field("device", &RecipeTraining::device, "What it computes on.");
    field("start", &RecipeTraining::start,
          "Its training begins with these weights, instead of weights drawn from the seed: an "
          "artifact id, or a folder with a checkpoint or a Hugging Face Llama.");
    field("start_moments", &RecipeTraining::start_moments,
          "Of `start`: `auto`, the optimizer's state, with the number of updates behind it, is "
          "taken if the checkpoint has one; `take`, it is an error if it has none; `leave`, it "
          "begins at zero.");
    field("continue", &RecipeTraining::continued,
          "Its training goes on where that of this checkpoint stopped, up to the length that the "
          "recipe now says: an artifact id, or a folder with a checkpoint. Text, seed, batches and "
          "optimizer stay, below.");
    field.Check(CheckTraining);
    return field.Done();
  }();
  return fields;
}

const schema::Words& WordsOf(CompositeStart) {
  static const schema::Words words = {"one", "auto"};
  return words;
}

const Schema& CompositeStarts::Fields() {
  static const Schema fields = [] {
    Builder<CompositeStarts> field("start", "How a composite begins.");
    field("start", &CompositeStarts::start,
          "`one`: as the composite says; `auto`: in several ways, of which the best goes on, "
          "below.");
    field("probe", &CompositeStarts::probe,
          "The part of the joint phase's steps, and so of its tokens, for which each start is "
          "tried.")
        .Above(0)
        .Below(1)
        .OnlyIf("start", CompositeStart::kAuto);
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
