#include "trainer/loop/settings.h"

#include <algorithm>

#include "base/text.h"

namespace braid::trainer {
namespace {

// What the schedule does not have must not be asked of it.
void CheckSchedule(JsonReader& read, const Schedule& schedule) {
  const std::vector<std::string> names = ScheduleNames();
  if (std::find(names.begin(), names.end(), schedule.kind) == names.end()) return;  // already said
  const ScheduleKind& kind = FindSchedule(schedule.kind);
  if (!kind.has_warmup && schedule.warmup_steps != 0)
    read.Fail("warmup_steps", schedule.kind + " has no warm-up; set 0");
  if (!kind.has_lr_min && schedule.lr_min != 0)
    read.Fail("lr_min", schedule.kind + " has no least rate; set 0");
  for (const char* field : {"lr_decay_fraction", "lr_decay_shape"}) {
    if (read.Has(field) && !kind.has_decay)
      read.Fail(field, "is of lr_schedule wsd, here it is " + schedule.kind + "; leave it out");
  }
  if (!(schedule.decay_fraction > 0 && schedule.decay_fraction <= 1))
    read.Fail("lr_decay_fraction", "must be above 0 and at most 1");
}

// The fields that only some optimizers have.
void ReadOptimizerKind(JsonReader& read, OptimizerConfig* optimizer) {
  optimizer->kind = read.Choice("kind", optimizer->kind, OptimizerNames());
  optimizer->momentum = read.Double("momentum", optimizer->momentum);
  if (read.Has("momentum") && optimizer->kind != "muon")
    read.Fail("momentum",
              "is of optimizer.kind muon, here it is " + optimizer->kind + "; leave it out");
  if (!(optimizer->momentum >= 0 && optimizer->momentum < 1))
    read.Fail("momentum", "must be at least 0 and below 1");
}

Status ReadTrain(const Json& json, TrainSettings* s) {
  JsonReader read(json, "spec.train");
  s->batch = read.Int("batch", s->batch);
  s->accumulate = read.Int("accumulate", s->accumulate);
  s->epochs = read.Int("epochs", s->epochs);
  s->steps = read.Int("steps", 0);
  s->tokens = read.Int("tokens", 0);
  s->optimizer.clip = read.Double("clip", 1.0);
  s->last_label = read.Choice("last_label", s->last_label, {"ignore", "copy_input"});
  s->schedule.kind = read.Choice("lr_schedule", "cosine", ScheduleNames());
  s->schedule.decay_fraction = read.Double("lr_decay_fraction", s->schedule.decay_fraction);
  s->schedule.decay_shape = read.Choice("lr_decay_shape", s->schedule.decay_shape,
                                        {"linear", "sqrt"});
  s->schedule.warmup_steps = read.Int("warmup_steps", 0);
  s->schedule.warmup_start = read.Double("warmup_start", 0.0);
  s->schedule.lr_min = read.Double("lr_min", 0.0);
  s->optimizer.decay_scope = read.Choice("decay_scope", "matrices",
                                         {"matrices", "all", "all_but_embedding"});
  s->accum_tail = read.Choice("accum_tail", s->accum_tail, {"drop", "flush", "carry"});
  s->data.shuffle_seed = read.Choice("shuffle_seed", "per_epoch", {"per_epoch", "constant"});
  s->auxiliary.load = read.Choice("aux_load", s->auxiliary.load, {"neg_entropy", "plus_entropy"});
  s->auxiliary.probs = read.Choice("aux_probs", s->auxiliary.probs, {"softmax", "sample"});
  s->auxiliary.lambda_entropy = read.Double("lambda_entropy", s->auxiliary.lambda_entropy);
  s->auxiliary.lambda_load = read.Double("lambda_load", s->auxiliary.lambda_load);
  s->auxiliary.dropout = read.Double("dropout_parallel", s->auxiliary.dropout);
  s->optimizer.freeze_path_steps = read.Int("freeze_paths", s->optimizer.freeze_path_steps);
  const Json& optimizer = read.Value("optimizer");
  const Json& checkpoint = read.Value("checkpoint");
  const Json& validate = read.Value("validate");
  const Json& telemetry = read.Value("telemetry");
  for (const auto& [name, value, least] : {std::tuple{"batch", s->batch, int64_t{1}},
                                           {"accumulate", s->accumulate, 1},
                                           {"epochs", s->epochs, 1},
                                           {"steps", s->steps, 0},
                                           {"tokens", s->tokens, 0},
                                           {"warmup_steps", s->schedule.warmup_steps, 0}}) {
    if (value < least) read.Fail(name, Format("must be at least %lld", (long long)least));
  }
  if (s->optimizer.clip < 0) read.Fail("clip", "must not be negative");
  if (s->schedule.warmup_start < 0) read.Fail("warmup_start", "must not be negative");
  if (s->schedule.warmup_start > 0 && s->schedule.warmup_steps == 0)
    read.Fail("warmup_start", "is of a warm-up; set warmup_steps");
  if (!(s->auxiliary.dropout >= 0 && s->auxiliary.dropout < 1)) {
    read.Fail("dropout_parallel", "must be at least 0 and below 1");
  }
  if (s->optimizer.freeze_path_steps < -1)
    read.Fail("freeze_paths", "must be a number of steps, or -1 for all");
  if (s->optimizer.freeze_path_steps != 0 && s->model.kind == model::Kind::kDense) {
    read.Fail("freeze_paths", "model " + s->model.name + " has no paths to freeze; set 0");
  }
  CheckSchedule(read, s->schedule);
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (!optimizer.is_null()) {
    JsonReader part(optimizer, "spec.train.optimizer");
    ReadOptimizerKind(part, &s->optimizer);
    s->schedule.lr = part.Double("lr", s->schedule.lr);
    s->optimizer.eps = part.Double("eps", s->optimizer.eps);
    s->optimizer.weight_decay = part.Double("weight_decay", s->optimizer.weight_decay);
    const Json& betas = part.Value("betas");
    if (!betas.is_null()) {
      if (!betas.is_array() || betas.size() != 2 || !betas[0].is_number() ||
          !betas[1].is_number()) {
        part.Fail("betas", "expected two numbers");
      } else {
        s->optimizer.beta1 = betas[0].get<double>();
        s->optimizer.beta2 = betas[1].get<double>();
      }
    }
    if (!(s->schedule.lr > 0)) part.Fail("lr", "must be above 0");
    for (const double beta : {s->optimizer.beta1, s->optimizer.beta2}) {
      if (!(beta >= 0 && beta < 1)) part.Fail("betas", "must be at least 0 and below 1");
    }
    if (!(s->optimizer.eps > 0)) part.Fail("eps", "must be above 0");
    if (!(s->optimizer.weight_decay >= 0)) part.Fail("weight_decay", "must not be negative");
    BRAID_RETURN_IF_ERROR(part.Finish());
  }
  if (!checkpoint.is_null()) {
    JsonReader part(checkpoint, "spec.train.checkpoint");
    s->checkpoint_steps = part.Int("steps", 0);
    s->checkpoint_seconds = part.Int("seconds", 60);
    BRAID_RETURN_IF_ERROR(part.Finish());
  }
  if (!telemetry.is_null()) {
    JsonReader part(telemetry, "spec.train.telemetry");
    s->telemetry_steps = part.Int("steps", 0);
    BRAID_RETURN_IF_ERROR(part.Finish());
  }
  if (!validate.is_null()) {
    JsonReader part(validate, "spec.train.validate");
    s->validate_steps = part.Int("steps", 0);
    s->validate_sequences = part.Int("sequences", 0);
    BRAID_RETURN_IF_ERROR(part.Finish());
  }
  return OkStatus();
}

}  // namespace

Result<TrainSettings> ReadTrainSettings(const Json& spec) {
  JsonReader read(spec, "spec");
  const Json& model = read.RequireObject("model");
  const Json& data = read.RequireObject("data");
  const Json& train = read.RequireObject("train");
  TrainSettings settings;
  settings.seed = static_cast<uint64_t>(read.Int("seed", 42));
  settings.start_moments = read.Choice("start_moments", settings.start_moments,
                                       {"auto", "take", "leave"});
  settings.loss_average = read.Choice("loss_average", settings.loss_average,
                                      {"token_mean", "batch_mean"});
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(settings.model, model::FromJson(model, "spec.model"));
  BRAID_ASSIGN_OR_RETURN(settings.data, corpus::DataFromJson(data, "spec.data"));
  BRAID_RETURN_IF_ERROR(ReadTrain(train, &settings));
  return settings;
}

StepPlace StepPlan::At(const TrainSettings& settings, int64_t step) const {
  const int64_t within = step % per_epoch;
  StepPlace place{step / per_epoch, {}, 0};
  const auto add = [&](int64_t epoch, int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      place.micro_batches.push_back(
          {epoch, m * settings.batch, epoch * micro_batches_per_epoch + m});
    }
  };
  if (settings.accum_tail == "carry" && within == 0 && place.epoch > 0) {
    add(place.epoch - 1, per_epoch * settings.accumulate, micro_batches_per_epoch);
  }
  const int64_t begin = within * settings.accumulate;
  add(place.epoch, begin, std::min(begin + settings.accumulate, micro_batches_per_epoch));
  place.divisor = settings.accum_tail == "carry" ? settings.accumulate
                                                 : static_cast<int64_t>(place.micro_batches.size());
  return place;
}

int64_t StepPlan::TokensAfter(const TrainSettings& settings, int64_t steps) const {
  int64_t micro_batches = steps * settings.accumulate;
  const int64_t over = micro_batches_per_epoch - per_epoch * settings.accumulate;  // below 0 with
                                                                                   // `flush`
  if (settings.accum_tail == "flush") micro_batches += steps / per_epoch * over;
  if (settings.accum_tail == "carry" && steps > 0) micro_batches += (steps - 1) / per_epoch * over;
  return micro_batches * settings.batch * settings.data.sequence;
}

Result<StepPlan> PlanSteps(const TrainSettings& settings, int64_t sequences) {
  StepPlan plan;
  plan.micro_batches_per_epoch = sequences / settings.batch;
  plan.per_epoch = plan.micro_batches_per_epoch / settings.accumulate;
  if (settings.accum_tail == "flush" && plan.micro_batches_per_epoch % settings.accumulate > 0)
    ++plan.per_epoch;
  if (plan.per_epoch == 0) {
    return InvalidArgument(Format(
        "train: an epoch of %lld sequences has not one step of batch %lld x accumulate %lld; lower "
        "them or give more text",
        (long long)sequences, (long long)settings.batch, (long long)settings.accumulate));
  }
  plan.total = plan.per_epoch * settings.epochs;
  if (settings.steps > 0) plan.total = std::min(plan.total, settings.steps);
  if (settings.tokens > 0) {
    // The last number of steps that the tokens pay for, but one at least.
    int64_t paid = 1, unpaid = plan.total + 1;
    while (unpaid - paid > 1) {
      const int64_t middle = paid + (unpaid - paid) / 2;
      (plan.TokensAfter(settings, middle) <= settings.tokens ? paid : unpaid) = middle;
    }
    plan.total = paid;
  }
  return plan;
}

void FillSchedule(const StepPlan& plan, Schedule* schedule) {
  schedule->total_steps = plan.total;
  schedule->steps_per_epoch = plan.per_epoch;
  schedule->micro_batches_per_epoch = plan.micro_batches_per_epoch;
}

void MakeLabels(const int32_t* ids, int64_t sequence, int32_t pad_id, int32_t* labels,
                const std::string& last_label) {
  const auto label = [&](int32_t id) { return id == pad_id ? kIgnore : id; };
  for (int64_t i = 0; i + 1 < sequence; ++i) labels[i] = label(ids[i + 1]);
  labels[sequence - 1] = last_label == "copy_input" ? label(ids[sequence - 1]) : kIgnore;
}

int64_t TargetsOfSequence(int64_t sequence, const std::string& last_label) {
  return last_label == "copy_input" ? sequence : sequence - 1;
}

}  // namespace braid::trainer
