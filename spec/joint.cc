// What `joint` of recipes and `train` of tasks have beyond `train` of recipes.
#include <algorithm>

#include "base/text.h"
#include "schema/builder.h"
#include "spec/precision.h"
#include "spec/train.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

// All ranks must get equally many sequences of a micro-batch: only then is the mean over the ranks'
// means the mean over the batch.
void CheckRanks(const Joint& joint, const Fail& fail) {
  if (joint.batch % joint.ranks != 0) {
    fail({"ranks"}, Format("%lld ranks do not divide a batch of %lld sequences",
                           (long long)joint.ranks, (long long)joint.batch));
  }
  CheckGpuSlots(joint.slots, joint.device,
                Format("for %lld GPUs set joint.ranks to %lld", (long long)joint.slots,
                       (long long)joint.slots),
                fail);
  const std::string why = WhyNotOn(joint.device, joint.precision);
  if (!why.empty()) fail({"precision", "device"}, why);
  const std::string no_exchange = joint.sync ? WhyNotOn(joint.device, *joint.sync) : "";
  if (!no_exchange.empty()) fail({"sync.exchange", "device"}, no_exchange);
}

// Between outer steps every rank has weights of its own, of which a mean over steps says nothing.
void CheckSync(const TaskTrain& train, const Fail& fail) {
  if (train.outer_steps() == nullptr || train.average.last == 0) return;
  fail({"sync", "average"},
       "average takes the weights behind single steps, and with sync: diloco the ranks have the "
       "same weights only behind outer steps; leave one of the two out (a decay of the rate works "
       "with sync)");
}

constexpr const char* kFreezeValues = "true, false or a number of steps";

// In recipes freeze_paths is true, false or a number of steps. Task files have a number, where -1
// means for ever, so both forms are accepted here.
std::string WrongFreeze(const Json& value) {
  const bool steps = value.is_number_integer() && value.get<double>() >= -1 &&
                     value.get<double>() <= static_cast<double>(schema::kMaxInteger);
  return value.is_boolean() || steps ? "" : std::string("expected ") + kFreezeValues;
}

// The number of steps for either form.
int64_t ReadFreeze(const Json& value) {
  return value.is_boolean() ? (value.get<bool>() ? -1 : 0) : value.get<int64_t>();
}

// Converts freeze_paths for recipes: false for 0, true for -1, otherwise the number. Task files
// have the number always.
Json FreezeAsWritten(const Json& steps) {
  const auto number = steps.get<int64_t>();
  return number <= 0 ? Json(number < 0) : steps;
}

}  // namespace

const Schema& TaskTrain::Fields() {
  static const Schema fields = [] {
    Builder<TaskTrain> field("train", "How a model or a composite is trained.");
    field.Include<Train>();
    auto& freeze = field.Custom(
        "freeze_paths", &TaskTrain::freeze_paths,
        "The blocks of the paths stay as they are: `true` for ever, or for a number of steps; in "
        "task files the number, -1 for ever.",
        kFreezeValues, WrongFreeze, ReadFreeze);
    freeze.as_written = FreezeAsWritten;
    freeze.custom_schema = {{"type", {"boolean", "integer"}}, {"minimum", -1}};
    field("groups", &TaskTrain::groups,
          "Tensors that are trained in a way of their own, below; where several entries name a "
          "tensor, the last that says something holds.")
        .NotEmpty("must hold at least one group")
        .OmitDefault();
    field("first", &TaskTrain::first,
          "For some steps only these tensors are trained, then all: `{only: [gates, cross, large], "
          "steps: 200}`.");
    field("sync", &TaskTrain::sync,
          "How often ranks agree, below; `sync: diloco` stands for its defaults. Absent: they add "
          "up their gradients in each step.");
    field.OrChoice("sync", &Sync::method);
    field("match_rms", &TaskTrain::match_rms,
          "Of composites that share or route: before the first step, the maps between the streams "
          "are scaled so that what they give is as large as the paths' own streams, below.")
        .OmitDefault();
    field("teachers", &TaskTrain::teachers,
          "The parents teach the composite on their own corpora, below. Absent: they do not.");
    field.Check(CheckSync);
    return field.Done();
  }();
  return fields;
}

// A group that carries its moments needs them in the merged checkpoint, even if all others begin at
// zero.
bool Joint::carries() const {
  return carry_optimizer || std::any_of(groups.begin(), groups.end(), [](const auto& group) {
           return group.moments == GroupMoments::kCarry;
         });
}

const Schema& Joint::Fields() {
  static const Schema fields = [] {
    Builder<Joint> field("joint", "How a composite is trained after its merge.");
    field.Include<TaskTrain>();
    field("lr_factor", &Joint::lr_factor,
          "The rates that `joint` takes from `train` (`optimizer.lr`, `lr_min`, `warmup_start`), "
          "times this; rates that `joint` names itself stay as they are written.")
        .Above(0)
        .DefaultText(
            "0.5 of composites that share or route, 1 of `slice`; under `compat: paper` "
            "1");
    field("carry_optimizer", &Joint::carry_optimizer,
          "The composite begins with the state of its parents' optimizers.");
    field("ranks", &Joint::ranks,
          "Processes that train together, all at once or not at all; they divide `batch`.")
        .AtLeast(1)
        .AtMost(1024);
    field("slots", &Joint::slots,
          "CPU cores of each rank; 1 with `device: cuda`, which is one GPU.")
        .AtLeast(1)
        .AtMost(4096);
    field("device", &Joint::device, "What each rank computes on.");
    field("across_sites", &Joint::across_sites,
          "Ranks may run at several sites that reach each other. What they say to one another "
          "(gradients or changes of weights, losses) is not encrypted; without this they stay "
          "within one site.");
    field.Check(CheckRanks);
    return field.Done();
  }();
  return fields;
}

const Schema& TrainTask::Fields() {
  static const Schema fields = [] {
    Builder<TrainTask> field("spec", "A training.");
    field("model", &TrainTask::model, "The model ([models.md](models.md)).").Required();
    field("data", &TrainTask::data, "The text: sequence, sources, split and seed.").Required();
    field("seed", &TrainTask::seed, "Seed of the initial weights, of noise and of validation.");
    field("train", &TrainTask::train, "How it is trained.").Required();
    field("loss_average", &TrainTask::loss_average,
          "The validation loss is `token_mean`, the mean over all targets, or `batch_mean`, the "
          "mean of the batches' means, a shorter last one included.")
        .Id("T8");
    field("start_moments", &TrainTask::start_moments,
          "The optimizer's state of input `init`: `auto`, it is taken if there is one; `take`, it "
          "is an error if there is none; `leave`, it begins at zero.")
        .OmitDefault();
    field("lessons", &TrainTask::lessons,
          "Of `train.teachers`: who teaches on which text. Several teachers of one corpus teach "
          "together: their mean divergence counts.")
        .OmitDefault();
    field("until", &TrainTask::until,
          "The job ends after this part of the training's steps (the nearest whole step, one at "
          "least), and a job with input `rung` goes on there. The schedule is that of all steps.")
        .Above(0)
        .AtMost(1)
        .OmitDefault();
    return field.Done();
  }();
  return fields;
}

}  // namespace braid::spec
