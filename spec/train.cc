#include "spec/train.h"

#include "base/text.h"
#include "schema/builder.h"

namespace braid::spec {
namespace {

using schema::Builder;
using schema::Fail;
using schema::Schema;

// Checks the fields of the schedule against one another. cosine_misstepped has neither a warm-up
// nor lr_min: it decreases from the first step of each epoch, and towards 0.
void CheckSchedule(const Train& train, const Fail& fail) {
  const bool has_peak = train.lr_schedule != LrSchedule::kContinue;  // else known at the start
  if (has_peak && train.lr_min > train.optimizer.lr)
    fail({"lr_min"}, "is above optimizer.lr; the schedule falls from one to the other");
  if (has_peak && train.warmup_start > train.optimizer.lr)
    fail({"warmup_start"}, "is above optimizer.lr; the warm-up rises from one to the other");
  if (train.warmup_start > 0 && train.warmup_steps == 0)
    fail({"warmup_start"}, "is of a warm-up; give warmup_steps too");
  if (train.lr_schedule != LrSchedule::kCosineMisstepped) return;
  if (train.warmup_steps > 0)
    fail({"warmup_steps"}, "lr_schedule cosine_misstepped has no warm-up");
  if (train.lr_min > 0) fail({"lr_min"}, "lr_schedule cosine_misstepped falls towards 0 alone");
}

constexpr const char* kKeepValues = "a whole number, at least 1, or all";

// -1 stands for `all` in task files, so it is accepted, too.
std::string WrongKeep(const Json& value) {
  const bool number = value.is_number_integer() &&
                      (value.get<double>() >= 1 || value.get<double>() == -1) &&
                      value.get<double>() <= static_cast<double>(schema::kMaxInteger);
  return number || value == "all" ? "" : std::string("expected ") + kKeepValues;
}

// The number of checkpoints for either form; -1: all.
int64_t ReadKeep(const Json& value) {
  return value == "all" ? -1 : value.get<int64_t>();
}

// Recipes say `all` where task files have -1.
Json KeepAsWritten(const Json& keep) {
  return keep == -1 ? Json("all") : keep;
}

// The fields of Train are described in four parts, in the order of the documents.
void AddLength(Builder<Train>& field) {
  field("batch", &Train::batch, "Sequences of one forward and backward pass, over all ranks.")
      .AtLeast(1);
  field("accumulate", &Train::accumulate,
        "Micro-batches whose gradients are accumulated for one optimizer step.")
      .AtLeast(1);
  field("epochs", &Train::epochs, "How often the whole text is read.").AtLeast(1);
  field("steps", &Train::steps,
        "Ends training after so many steps; 0: no bound. The schedule knows the bounded length.")
      .AtLeast(0);
  field("tokens", &Train::tokens,
        "Ends training after the last whole step within so many tokens, but after one step at "
        "least; 0: no bound.")
      .AtLeast(0);
}

void AddUpdate(Builder<Train>& field) {
  field("precision", &Train::precision,
        "`bf16`: products of linear layers and the head, forward and backward, round what they "
        "multiply to bf16 and add up in fp32; weights, gradients, optimizer states, norms, "
        "attention, routers and losses stay fp32, and so do validation and evaluation. Faster on "
        "CPUs with AMX (`amx`) and on most with AVX512-BF16 (`avx512_bf16`), slower on others; "
        "not on GPUs.")
      .OmitDefault();
  field("optimizer", &Train::optimizer, "How gradients become updates.");
  field("clip", &Train::clip, "Global norm that gradients are clipped to; 0: they are not.")
      .AtLeast(0);
  field("last_label", &Train::last_label,
        "`ignore`: the last position of a sequence has no target; `copy_input`: its target is its "
        "own input token.")
      .Id("T1")
      .Paper(LastLabel::kCopyInput);
  field("lr_schedule", &Train::lr_schedule,
        "`cosine`: one cosine over all steps; `constant`; `wsd`: warm-up, stable, and decay at the "
        "end; `continue`: as `wsd`, from the rate at which the model it begins with ended its "
        "training, below; `cosine_misstepped`, the published one, which starts anew in every epoch "
        "and does not reach its end.")
      .Id("T2")
      .Paper(LrSchedule::kCosineMisstepped);
  field("warmup_steps", &Train::warmup_steps,
        "Steps of a linear start. Not with `cosine_misstepped`.")
      .AtLeast(0);
  field("warmup_start", &Train::warmup_start,
        "Rate of the first step of the warm-up, at most `optimizer.lr`; 0: `lr / warmup_steps`.")
      .AtLeast(0);
  field("lr_min", &Train::lr_min,
        "Where the curve ends, at most `optimizer.lr`. Not with `cosine_misstepped`.")
      .AtLeast(0);
  field("lr_decay_fraction", &Train::lr_decay_fraction,
        "The share of all steps, the last ones, in which the rate falls to `lr_min`; 0: it stays.")
      .AtLeast(0)
      .AtMost(1)
      .OnlyIf("lr_schedule", LrSchedule::kWsd, LrSchedule::kContinue);
  field("lr_decay_shape", &Train::lr_decay_shape,
        "`linear`, or `sqrt`: as 1 - sqrt(x), x the part of the decay that is done.")
      .OnlyIf("lr_schedule", LrSchedule::kWsd, LrSchedule::kContinue);
  field("average", &Train::average,
        "The model is the mean of the weights of its last updates, in place of a decay.")
      .OmitDefault();
}

// The rules T3-T7. The weights of the auxiliary losses have no lower bound: a negative weight
// reverses the sign of its loss, which some ablations want.
void AddRules(Builder<Train>& field) {
  field("aux_load", &Train::aux_load,
        "Of routers: `neg_entropy`, the load loss evens paths out; `plus_entropy`, the published "
        "sign.")
      .Id("T3")
      .Paper(AuxLoad::kPlusEntropy);
  field("aux_probs", &Train::aux_probs,
        "Of routers: `softmax`, the auxiliary losses use the probabilities; `sample`, they use the "
        "sampled choice (of router `top1`, the probabilities that weigh it).")
      .Id("T4")
      .Paper(AuxProbs::kSample);
  field("lambda_entropy", &Train::lambda_entropy,
        "Of routers: weight of the entropy loss, of any sign.");
  field("lambda_load", &Train::lambda_load, "Of routers: weight of the load loss, of any sign.");
  field("decay_scope", &Train::decay_scope,
        "Weight decay: `matrices`, on linear weights and the head; `all`, on gains, biases and the "
        "embedding too, and on scales of dual-path blocks if `scale_decay`; `all_but_embedding`, "
        "on everything else, scales too, as in the dual-path paper's runs.")
      .Id("T5")
      .Paper(DecayScope::kAll);
  field("accum_tail", &Train::accum_tail,
        "Micro-batches that are left over at the end of an epoch: `drop`, they are left out; "
        "`flush`, they make one step of their mean; `carry`, they join the first step of the next "
        "epoch.")
      .Id("T6")
      .Paper(AccumTail::kCarry);
  field("shuffle_seed", &Train::shuffle_seed,
        "`per_epoch`: another order in every epoch; `constant`: the same one.")
      .Id("T7")
      .Paper(ShuffleSeed::kConstant);
  field("dropout_parallel", &Train::dropout_parallel, "Dropout in the blocks of parallel layers.")
      .AtLeast(0)
      .Below(1);
}

void AddIntervals(Builder<Train>& field) {
  field("checkpoint", &Train::checkpoint, "How often a checkpoint is written.");
  field("validate", &Train::validate, "How often, and on how much text, the loss is validated.");
  field("telemetry", &Train::telemetry, "How often statistics of blocks and routing are measured.")
      .OmitDefault();
  field(
      "stall_timeout", &Train::stall_timeout,
      "The service stops a training that makes no step for so many seconds, or for three times its "
      "longest step if that is more, and tries it again as after the loss of a machine; 0: never. "
      "A validation counts as part of the step before it.")
      .AtLeast(0)
      .OmitDefault();
}

}  // namespace

const schema::Words& WordsOf(LastLabel) {
  static const schema::Words words = {"ignore", "copy_input"};
  return words;
}
const schema::Words& WordsOf(LrSchedule) {
  static const schema::Words words = {"cosine", "cosine_misstepped", "constant", "wsd", "continue"};
  return words;
}
const schema::Words& WordsOf(OptimizerKind) {
  static const schema::Words words = {"adamw", "muon"};
  return words;
}
const schema::Words& WordsOf(LrDecayShape) {
  static const schema::Words words = {"linear", "sqrt"};
  return words;
}
const schema::Words& WordsOf(Precision) {
  static const schema::Words words = {"fp32", "bf16"};
  return words;
}
const schema::Words& WordsOf(AuxLoad) {
  static const schema::Words words = {"neg_entropy", "plus_entropy"};
  return words;
}
const schema::Words& WordsOf(AuxProbs) {
  static const schema::Words words = {"softmax", "sample"};
  return words;
}
const schema::Words& WordsOf(DecayScope) {
  static const schema::Words words = {"matrices", "all", "all_but_embedding"};
  return words;
}
const schema::Words& WordsOf(AccumTail) {
  static const schema::Words words = {"drop", "flush", "carry"};
  return words;
}
const schema::Words& WordsOf(ShuffleSeed) {
  static const schema::Words words = {"per_epoch", "constant"};
  return words;
}
const schema::Words& WordsOf(StartMoments) {
  static const schema::Words words = {"auto", "take", "leave"};
  return words;
}

const Schema& Optimizer::Fields() {
  static const Schema fields = [] {
    Builder<Optimizer> field("optimizer", "How gradients become updates.");
    field("kind", &Optimizer::kind,
          "AdamW; or `muon`: orthogonalised momentum for the matrices of blocks, AdamW at the same "
          "rate for all else ([models.md](models.md)).")
        .OmitDefault();
    field("lr", &Optimizer::lr, "Peak learning rate.").Above(0);
    field("betas", &Optimizer::betas, "Decay rates of the first and the second moment.")
        .AtLeast(0)
        .Below(1)
        .Size(2);
    field("eps", &Optimizer::eps, "Added to the root of the second moment.").Above(0);
    field("weight_decay", &Optimizer::weight_decay,
          "Decoupled weight decay, of the tensors that `decay_scope` names.")
        .AtLeast(0);
    field("momentum", &Optimizer::momentum, "Of the matrices of blocks, under `muon`.")
        .AtLeast(0)
        .Below(1)
        .OnlyIf("kind", OptimizerKind::kMuon);
    return field.Done();
  }();
  return fields;
}

// Bounds both fields of `average`, so that their product is a number.
constexpr double kMostStates = 1e9;

const Schema& Average::Fields() {
  static const Schema fields = [] {
    Builder<Average> field("average", "The mean of the weights of the last updates.");
    field("last", &Average::last,
          "Of so many states of the weights; the last is that behind the last step. 0: the model "
          "is what the last step leaves.")
        .AtLeast(0)
        .AtMost(kMostStates)
        .OmitDefault();
    field("every", &Average::every, "Steps from one of these states to the next.")
        .AtLeast(1)
        .AtMost(kMostStates)
        .OmitDefault();
    field.Check([](const Average& average, const Fail& fail) {
      if (average.last == 0 && average.every != 1)
        fail({"every"}, "is of an average; give last too");
    });
    return field.Done();
  }();
  return fields;
}

const Schema& CheckpointEvery::Fields() {
  static const Schema fields = [] {
    Builder<CheckpointEvery> field("checkpoint", "How often a checkpoint is written.");
    field("steps", &CheckpointEvery::steps, "Every so many steps; 0: not by this measure.")
        .AtLeast(0);
    field("seconds", &CheckpointEvery::seconds, "Every so many seconds; 0: not by this measure.")
        .AtLeast(0);
    auto& kept = field.Custom(
        "keep", &CheckpointEvery::keep,
        "The service keeps so many of the newest checkpoints, or `all`; those that are pinned or "
        "used elsewhere stay too. By itself it keeps the newest three of a training that has not "
        "succeeded, and then one.",
        kKeepValues, WrongKeep, ReadKeep);
    kept.as_written = KeepAsWritten;
    kept.custom_schema = {
        {"anyOf", {{{"type", "integer"}, {"minimum", 1}}, {{"enum", {"all", -1}}}}}};
    kept.OmitDefault().DefaultText("3, then 1");
    return field.Done();
  }();
  return fields;
}

const Schema& ValidateEvery::Fields() {
  static const Schema fields = [] {
    Builder<ValidateEvery> field("validate",
                                 "How often, and on how much text, the loss is validated.");
    field("steps", &ValidateEvery::steps, "Every so many steps; 0: once an epoch.").AtLeast(0);
    field("sequences", &ValidateEvery::sequences, "On so many sequences of each corpus; 0: on all.")
        .AtLeast(0);
    return field.Done();
  }();
  return fields;
}

const Schema& Telemetry::Fields() {
  static const Schema fields = [] {
    Builder<Telemetry> field("telemetry",
                             "How often statistics of blocks and routing are measured.");
    field("steps", &Telemetry::steps,
          "Every so many steps, over four held-out sequences of each corpus: read-outs of `wide`, "
          "`loop` and `dual_path` blocks as metrics `dual/<block>/deep_share`, `gate_deep`, "
          "`norm_deep`, `scale_deep_1`, ..., and of composites that route or share "
          "`routing/<layer>/<path>`, the share of tokens; 0: never.")
        .AtLeast(0);
    return field.Done();
  }();
  return fields;
}

const Schema& Train::Fields() {
  static const Schema fields = [] {
    Builder<Train> field("train", "How a model is trained.");
    AddLength(field);
    AddUpdate(field);
    AddRules(field);
    AddIntervals(field);
    field.Check(CheckSchedule);
    return field.Done();
  }();
  return fields;
}

// The member initializers are the preset `fixed`; only `paper` needs changes.
Train TrainPreset(Compat compat) {
  Train train;
  if (compat == Compat::kPaper) schema::ApplyPaper(Train::Fields(), &train);
  return train;
}

void CheckGpuSlots(int64_t slots, Device device, const std::string& advice, const Fail& fail) {
  if (device != Device::kCuda || slots == 1) return;
  fail({"slots", "device"},
       Format("on device cuda slots must be 1: a rank uses one GPU, and %lld slots would take "
              "%lld; %s",
              (long long)slots, (long long)slots, advice.c_str()));
}

}  // namespace braid::spec
