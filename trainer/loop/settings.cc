#include "trainer/loop/settings.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "model/tensors.h"
#include "schema/read.h"

namespace braid::trainer {
namespace {

using spec::AccumTail;
using spec::LastLabel;

// The spec says the settings once, in the order of the recipe; the loop's parts have structs of
// their own, so that network and optimizer do not depend on the recipe.
void Spread(const spec::TaskTrain& train, TrainSettings* s) {
  s->batch = train.batch;
  s->accumulate = train.accumulate;
  s->epochs = train.epochs;
  s->steps = train.steps;
  s->tokens = train.tokens;
  s->precision = train.precision;
  s->optimizer = {.beta1 = train.optimizer.betas[0],
                  .beta2 = train.optimizer.betas[1],
                  .eps = train.optimizer.eps,
                  .weight_decay = train.optimizer.weight_decay,
                  .decay_scope = train.decay_scope,
                  .clip = train.clip,
                  .freeze_path_steps = train.freeze_paths,
                  .groups = train.groups,
                  .first = train.first,
                  .kind = train.optimizer.kind,
                  .momentum = train.optimizer.momentum};
  s->schedule.decay_fraction = train.lr_decay_fraction;
  s->schedule.decay_shape = train.lr_decay_shape;
  s->schedule.kind = train.lr_schedule;
  s->schedule.lr = train.optimizer.lr;
  s->schedule.lr_min = train.lr_min;
  s->schedule.warmup_steps = train.warmup_steps;
  s->schedule.warmup_start = train.warmup_start;
  s->auxiliary.load = train.aux_load;
  s->auxiliary.probs = train.aux_probs;
  s->auxiliary.lambda_entropy = train.lambda_entropy;
  s->auxiliary.lambda_load = train.lambda_load;
  s->auxiliary.dropout = train.dropout_parallel;
  s->last_label = train.last_label;
  s->accum_tail = train.accum_tail;
  s->data.shuffle_seed = train.shuffle_seed;
  s->average = train.average;
  s->checkpoint_steps = train.checkpoint.steps;
  s->checkpoint_seconds = train.checkpoint.seconds;
  s->validate_steps = train.validate.steps;
  s->validate_sequences = train.validate.sequences;
  s->telemetry_steps = train.telemetry.steps;
  if (const spec::Sync* sync = train.outer_steps()) s->outer_steps = *sync;
  s->match_rms = train.match_rms;
  if (const spec::Teachers* teachers = train.teaching()) s->teachers = *teachers;
}

bool TrainsBesidesPaths(const std::vector<spec::TensorPart>& parts, const model::ModelSpec& model) {
  const std::vector<model::TensorSpec> all = model::Tensors(model);
  return std::any_of(all.begin(), all.end(), [&](const model::TensorSpec& tensor) {
    return spec::IsOf(parts, tensor.name, model) &&
           spec::PartOf(tensor.name, model) != spec::TensorPart::kPaths;
  });
}

// `leaves`: no optimizer's state is taken over. A step that trains nothing is a mistake; a group
// that this composite does not have is none, as several composites may share their settings.
Status CheckGroups(const spec::TaskTrain& train, bool leaves, const model::ModelSpec& model) {
  if (train.groups.empty() && !train.first) return OkStatus();
  if (model.kind == model::Kind::kDense) {
    return InvalidArgument(std::string("spec.train.") + (train.first ? "first" : "groups") +
                           ": model " + model.name +
                           " is no composite, whose parts these are; leave it out");
  }
  for (const spec::TensorGroup& group : train.groups) {
    if (leaves && group.moments == spec::GroupMoments::kCarry) {
      return InvalidArgument(
          "spec.start_moments: leave contradicts the moments: carry of a group in "
          "spec.train.groups; take one of the two out");
    }
  }
  if (train.first && train.freeze_paths != 0 && !TrainsBesidesPaths(train.first->only, model)) {
    return InvalidArgument(
        "spec.train.first.only: names blocks of the paths alone, which freeze_paths freezes, so "
        "that nothing would be trained; take one of the two out");
  }
  if (train.first && !spec::HasTensors(train.first->only, model)) {
    return InvalidArgument("spec.train.first.only: model " + model.name +
                           " has no such tensors, so that nothing would be trained");
  }
  return OkStatus();
}

// Each lesson is on a corpus that is read, and where somebody is to teach there is somebody.
Status CheckLessons(const TrainSettings& settings) {
  if (settings.teachers && settings.lessons.empty()) {
    return InvalidArgument(
        "spec.train.teachers: spec.lessons names no teacher; name the parent of each corpus, or "
        "leave teachers out");
  }
  std::set<std::pair<std::string, std::string>> known;
  for (size_t i = 0; i < settings.lessons.size(); ++i) {
    const std::string& data = settings.lessons[i].data;
    if (!known.emplace(settings.lessons[i].teacher, data).second) {
      return InvalidArgument(Format("spec.lessons.%zu: %s teaches on %s already; name it once", i,
                                    settings.lessons[i].teacher.c_str(), data.c_str()));
    }
    const auto& sources = settings.data.sources;
    if (std::any_of(sources.begin(), sources.end(),
                    [&](const spec::DataSource& source) { return source.role == data; }))
      continue;
    return InvalidArgument(
        Format("spec.lessons.%zu.data: %s is none of spec.data.sources; name "
               "one of them",
               i, data.c_str()));
  }
  return OkStatus();
}

}  // namespace

Result<TrainSettings> ReadTrainSettings(const Json& spec) {
  BRAID_ASSIGN_OR_RETURN(const spec::TrainTask task,
                         schema::FromJson<spec::TrainTask>(spec, "spec"));
  TrainSettings settings;
  settings.seed = task.seed;
  settings.start_moments = task.start_moments;
  settings.loss_average = task.loss_average;
  settings.until = task.until;
  BRAID_ASSIGN_OR_RETURN(settings.model, model::FromJson(task.model, "spec.model"));
  settings.data = {task.data};
  settings.lessons = task.lessons;
  Spread(task.train, &settings);
  if (task.train.freeze_paths != 0 && settings.model.kind == model::Kind::kDense) {
    return InvalidArgument("spec.train.freeze_paths: model " + settings.model.name +
                           " has no paths to freeze; set 0");
  }
  BRAID_RETURN_IF_ERROR(
      CheckGroups(task.train, task.start_moments == spec::StartMoments::kLeave, settings.model));
  BRAID_RETURN_IF_ERROR(CheckLessons(settings));
  if (const std::string why = model::WhyNoMatch(settings.model); settings.match_rms && !why.empty())
    return InvalidArgument("spec.train.match_rms: " + why);
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
  // T6: the micro-batches that the epoch before has left over come first.
  if (settings.accum_tail == AccumTail::kCarry && within == 0 && place.epoch > 0) {
    add(place.epoch - 1, per_epoch * settings.accumulate, micro_batches_per_epoch);
  }
  const int64_t begin = within * settings.accumulate;
  add(place.epoch, begin, std::min(begin + settings.accumulate, micro_batches_per_epoch));
  // With `carry` the divisor is that of a full step, as published; otherwise a shorter step is the
  // mean of the micro-batches that it has.
  place.divisor = settings.accum_tail == AccumTail::kCarry
                      ? settings.accumulate
                      : static_cast<int64_t>(place.micro_batches.size());
  return place;
}

int64_t StepPlan::TokensAfter(const TrainSettings& settings, int64_t steps) const {
  int64_t micro_batches = steps * settings.accumulate;
  const int64_t over = micro_batches_per_epoch - per_epoch * settings.accumulate;  // below 0 with
                                                                                   // `flush`
  if (settings.accum_tail == AccumTail::kFlush) micro_batches += steps / per_epoch * over;
  if (settings.accum_tail == AccumTail::kCarry && steps > 0)
    micro_batches += (steps - 1) / per_epoch * over;
  return micro_batches * settings.batch * settings.data.sequence;
}

Result<StepPlan> PlanSteps(const TrainSettings& settings, int64_t sequences) {
  StepPlan plan;
  plan.micro_batches_per_epoch = sequences / settings.batch;
  plan.per_epoch = plan.micro_batches_per_epoch / settings.accumulate;
  if (settings.accum_tail == AccumTail::kFlush &&
      plan.micro_batches_per_epoch % settings.accumulate > 0)
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
    // Bisection for the largest number of steps whose tokens are within the bound, but at least
    // one. TokensAfter rises with the steps, and with `carry` and `flush` it is not linear.
    int64_t paid = 1, unpaid = plan.total + 1;
    while (unpaid - paid > 1) {
      const int64_t middle = paid + (unpaid - paid) / 2;
      (plan.TokensAfter(settings, middle) <= settings.tokens ? paid : unpaid) = middle;
    }
    plan.total = paid;
  }
  if (settings.average.reach() >= plan.total) {
    return InvalidArgument(Format(
        "train.average: the last %lld states, every %lld steps, reach back %lld steps, and the "
        "training has %lld; lower last or every",
        (long long)settings.average.last, (long long)settings.average.every,
        (long long)settings.average.reach(), (long long)plan.total));
  }
  plan.job_end = plan.total;
  if (settings.until < 1) {
    // Whoever goes on from the end of a job does so from weights that all ranks have in common.
    const int64_t round = settings.outer_steps ? settings.outer_steps->every : 1;
    const double steps = settings.until * static_cast<double>(plan.total);
    const int64_t rounds = std::llround(steps / static_cast<double>(round));
    plan.job_end = std::clamp(rounds * round, std::min(round, plan.total), plan.total);
  }
  return plan;
}

void FillSchedule(const StepPlan& plan, Schedule* schedule) {
  schedule->total_steps = plan.total;
  schedule->steps_per_epoch = plan.per_epoch;
  schedule->micro_batches_per_epoch = plan.micro_batches_per_epoch;
}

void MakeLabels(const int32_t* ids, int64_t sequence, int32_t pad_id, int32_t* labels,
                LastLabel last_label) {
  const auto label = [&](int32_t id) { return id == pad_id ? kIgnore : id; };
  for (int64_t i = 0; i + 1 < sequence; ++i) labels[i] = label(ids[i + 1]);
  labels[sequence - 1] = last_label == LastLabel::kCopyInput ? label(ids[sequence - 1]) : kIgnore;
}

int64_t TargetsOfSequence(int64_t sequence, LastLabel last_label) {
  return last_label == LastLabel::kCopyInput ? sequence : sequence - 1;
}

}  // namespace braid::trainer
