#include "trainer/loop/settings.h"

#include <algorithm>

#include "base/text.h"
#include "trainer/network/network.h"

namespace braid::trainer {
namespace {

Status ReadTrain(const Json& json, TrainSettings* s) {
  JsonReader read(json, "spec.train");
  s->batch = read.Int("batch", s->batch);
  s->accumulate = read.Int("accumulate", s->accumulate);
  s->epochs = read.Int("epochs", s->epochs);
  s->steps = read.Int("steps", 0);
  s->tokens = read.Int("tokens", 0);
  s->optimizer.clip = read.Double("clip", 1.0);
  (void)read.Choice("last_label", "ignore", {"ignore"});
  s->schedule.kind = read.Choice("lr_schedule", "cosine", {"cosine", "constant"});
  s->schedule.warmup_steps = read.Int("warmup_steps", 0);
  s->schedule.lr_min = read.Double("lr_min", 0.0);
  s->optimizer.decay_scope = read.Choice("decay_scope", "matrices", {"matrices", "all"});
  s->accum_tail = read.Choice("accum_tail", "drop", {"drop", "flush"});
  s->data.shuffle_seed = read.Choice("shuffle_seed", "per_epoch", {"per_epoch", "constant"});
  const Json& optimizer = read.Value("optimizer");
  const Json& checkpoint = read.Value("checkpoint");
  const Json& validate = read.Value("validate");
  for (const auto& [name, value, least] : {std::tuple{"batch", s->batch, int64_t{1}}, {"accumulate", s->accumulate, 1},
                                           {"epochs", s->epochs, 1}, {"steps", s->steps, 0}, {"tokens", s->tokens, 0},
                                           {"warmup_steps", s->schedule.warmup_steps, 0}}) {
    if (value < least) read.Fail(name, Format("must be at least %lld", (long long)least));
  }
  if (s->optimizer.clip < 0) read.Fail("clip", "must not be negative");
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (!optimizer.is_null()) {
    JsonReader part(optimizer, "spec.train.optimizer");
    s->schedule.lr = part.Double("lr", s->schedule.lr);
    s->optimizer.eps = part.Double("eps", s->optimizer.eps);
    s->optimizer.weight_decay = part.Double("weight_decay", s->optimizer.weight_decay);
    const Json& betas = part.Value("betas");
    if (!betas.is_null()) {
      if (!betas.is_array() || betas.size() != 2 || !betas[0].is_number() || !betas[1].is_number()) {
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
  (void)read.Choice("loss_average", "token_mean", {"token_mean"});
  BRAID_RETURN_IF_ERROR(read.Finish());
  BRAID_ASSIGN_OR_RETURN(settings.model, model::FromJson(model, "spec.model"));
  BRAID_ASSIGN_OR_RETURN(settings.data, corpus::DataFromJson(data, "spec.data"));
  BRAID_RETURN_IF_ERROR(ReadTrain(train, &settings));
  return settings;
}

StepPlace StepPlan::At(const TrainSettings& settings, int64_t step) const {
  const int64_t within = step % per_epoch;
  return {step / per_epoch, within * settings.batch * settings.accumulate,
          within + 1 == per_epoch ? last_micro_batches : settings.accumulate};
}

Result<StepPlan> PlanSteps(const TrainSettings& settings, int64_t sequences) {
  const int64_t micro = sequences / settings.batch;
  StepPlan plan{micro / settings.accumulate, 0, settings.accumulate};
  if (const int64_t left = micro % settings.accumulate; settings.accum_tail == "flush" && left > 0) {
    ++plan.per_epoch;
    plan.last_micro_batches = left;
  }
  if (plan.per_epoch == 0) {
    return InvalidArgument(Format("train: an epoch of %lld sequences has not one step of batch %lld x accumulate %lld; lower "
                                  "them or give more text",
                                  (long long)sequences, (long long)settings.batch, (long long)settings.accumulate));
  }
  plan.total = plan.per_epoch * settings.epochs;
  if (settings.steps > 0) plan.total = std::min(plan.total, settings.steps);
  const int64_t step_tokens = settings.batch * settings.accumulate * settings.data.sequence;
  if (settings.tokens > 0) plan.total = std::min(plan.total, std::max<int64_t>(1, settings.tokens / step_tokens));
  return plan;
}

void MakeLabels(const int32_t* ids, int64_t sequence, int32_t pad_id, int32_t* labels) {
  for (int64_t i = 0; i + 1 < sequence; ++i) labels[i] = ids[i + 1] == pad_id ? kIgnore : ids[i + 1];
  labels[sequence - 1] = kIgnore;
}

}  // namespace braid::trainer
