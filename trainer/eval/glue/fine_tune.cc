#include "trainer/eval/glue/fine_tune.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/text.h"
#include "trainer/eval/glue/score.h"

namespace braid::trainer {
namespace {

// The outputs for all of `examples`, in their order. Batches have examples of similar length, so
// that there are few pads.
Result<std::vector<float>> Outputs(const std::vector<EncodedExample>& examples, size_t batch,
                                   int64_t outputs, int32_t pad_id, Classifier& classifier) {
  std::vector<uint32_t> order(examples.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return examples[a].ids.size() < examples[b].ids.size();
  });
  const auto width = static_cast<size_t>(outputs);
  std::vector<float> all(examples.size() * width);
  for (size_t first = 0; first < order.size(); first += batch) {
    const size_t behind = std::min(first + batch, order.size());
    BRAID_ASSIGN_OR_RETURN(const std::vector<float> some,
                           classifier.Logits(MakeBatch(examples, order, first, behind, pad_id)));
    BRAID_CHECK(some.size() == (behind - first) * width);
    for (size_t i = first; i < behind; ++i) {
      std::copy_n(some.begin() + static_cast<std::ptrdiff_t>((i - first) * width), width,
                  all.begin() + static_cast<std::ptrdiff_t>(order[i] * width));
    }
  }
  return all;
}

Status NotFinite(const GlueTask& task, uint64_t seed, int64_t step, const char* which) {
  return InvalidArgument(
      Format("task %s, seed %llu, step %lld: the %s is not finite; lower glue.lr",
             task.name.c_str(), (unsigned long long)seed, (long long)step, which));
}

// Numbers that are the same for all steps of a training.
struct Plan {
  size_t batch = 0;
  int64_t per_epoch = 0;
  int64_t total = 0;
};

Status TrainEpoch(const GlueTask& task, const EncodedTask& data, const spec::GlueSettings& settings,
                  const Plan& plan, int64_t epoch, int32_t pad_id, Classifier& classifier,
                  FineTuned* result, const std::function<Status(int64_t, int64_t)>& progress) {
  // Each epoch has an order of its own, which depends on the seed and not on the model.
  const std::string stream = "glue/" + task.name + "/epoch/" + std::to_string(epoch);
  const std::vector<uint32_t> order = Permutation(RandomStream(result->seed, stream),
                                                  static_cast<uint32_t>(data.train.size()));
  for (size_t first = 0; first < order.size(); first += plan.batch) {
    const Batch batch = MakeBatch(data.train, order, first,
                                  std::min(first + plan.batch, order.size()), pad_id);
    const double lr = LinearRate(settings.lr, settings.warmup, result->steps, plan.total);
    BRAID_ASSIGN_OR_RETURN(const double loss, classifier.Step(batch, lr));
    ++result->steps;
    if (!std::isfinite(loss)) return NotFinite(task, result->seed, result->steps, "loss");
    if (progress) BRAID_RETURN_IF_ERROR(progress(result->steps, plan.total));
  }
  return OkStatus();
}

}  // namespace

double LinearRate(double lr, double warmup, int64_t step, int64_t total) {
  const auto rising = static_cast<int64_t>(std::ceil(warmup * static_cast<double>(total)));
  if (step < rising) return lr * static_cast<double>(step) / static_cast<double>(rising);
  return lr * static_cast<double>(std::max<int64_t>(0, total - step)) /
         static_cast<double>(std::max<int64_t>(1, total - rising));
}

bool EarlyStopping::Improves(double loss) {
  const bool better = !any_ || loss < best_;
  any_ = true;
  if (better) best_ = loss;
  without_ = better ? 0 : without_ + 1;
  return better;
}

Json ToJson(const FineTuned& run) {
  return {{"seed", run.seed},     {"scores", run.scores},         {"loss", run.loss},
          {"epochs", run.epochs}, {"best_epoch", run.best_epoch}, {"steps", run.steps}};
}

Result<FineTuned> FineTunedFromJson(const Json& json, const std::string& path) {
  JsonReader read(json, path);
  FineTuned run;
  run.seed = static_cast<uint64_t>(read.RequireInt("seed"));
  for (const Json& score : read.RequireArray("scores"))
    run.scores.push_back(score.is_number() ? score.get<double>() : 0);
  run.loss = read.RequireDouble("loss");
  run.epochs = read.RequireInt("epochs");
  run.best_epoch = read.RequireInt("best_epoch");
  run.steps = read.RequireInt("steps");
  BRAID_RETURN_IF_ERROR(read.Finish());
  return run;
}

Result<FineTuned> FineTune(const GlueTask& task, const EncodedTask& data,
                           const spec::GlueSettings& settings, uint64_t seed, int32_t pad_id,
                           Classifier& classifier,
                           const std::function<Status(int64_t done, int64_t total)>& progress) {
  BRAID_RETURN_IF_ERROR(classifier.Start(seed, task.outputs(), task.regression()));
  Plan plan;
  plan.batch = static_cast<size_t>(settings.batch);
  plan.per_epoch = static_cast<int64_t>((data.train.size() + plan.batch - 1) / plan.batch);
  plan.total = plan.per_epoch * settings.epochs;
  FineTuned result;
  result.seed = seed;
  EarlyStopping stopping(settings.patience);
  std::vector<float> best;
  while (result.epochs < settings.epochs && !stopping.done()) {
    BRAID_RETURN_IF_ERROR(TrainEpoch(task, data, settings, plan, result.epochs, pad_id, classifier,
                                     &result, progress));
    ++result.epochs;
    BRAID_ASSIGN_OR_RETURN(
        const std::vector<float> outputs,
        Outputs(data.validation.front(), plan.batch, task.outputs(), pad_id, classifier));
    const double loss = MeanLoss(task, data.validation.front(), outputs);
    if (!std::isfinite(loss)) return NotFinite(task, seed, result.steps, "validation loss");
    if (!stopping.Improves(loss)) continue;
    best = classifier.Weights();
    result.best_epoch = result.epochs;
  }
  result.loss = stopping.best();
  // The scores are those of the epoch with the lowest loss, not of the last one.
  classifier.SetWeights(best);
  for (const std::vector<EncodedExample>& set : data.validation) {
    BRAID_ASSIGN_OR_RETURN(const std::vector<float> outputs,
                           Outputs(set, plan.batch, task.outputs(), pad_id, classifier));
    result.scores.push_back(Score(task, set, outputs));
  }
  return result;
}

}  // namespace braid::trainer
