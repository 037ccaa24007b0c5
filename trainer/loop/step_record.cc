#include "trainer/loop/step_record.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace braid::trainer {
namespace {

// Over all ranks.
double SequencesOf(const StepRecord& record, const TrainSettings& settings) {
  return static_cast<double>(record.micro_batches * settings.batch);
}

// Which sign a NaN has depends on the processor and is no news to anybody.
double Shown(double x) {
  return std::isnan(x) ? std::abs(x) : x;
}

}  // namespace

double StepRecord::Loss(const TrainSettings& settings) const {
  const int64_t targets = TargetsOfSequence(settings.data.sequence, settings.last_label);
  return sums[kLoss] / (SequencesOf(*this, settings) * static_cast<double>(targets));
}

std::string StepRecord::Fault(const TrainSettings& settings, double norm) const {
  const double loss = Loss(settings);
  if (std::isfinite(loss) && std::isfinite(norm)) return "";
  std::string fault = Format("the loss of step %lld is %g and its gradient norm %g",
                             (long long)step, Shown(loss), Shown(norm));
  if (sums[kTaught] > 0)
    fault += Format(", and its divergence from the teachers %g",
                    Shown(sums[kDivergence] / sums[kTaught]));
  return fault;
}

Json StepRecord::Values(const TrainSettings& settings, int64_t world, double norm) const {
  const auto ignoring_last = static_cast<double>(settings.data.sequence - 1);
  Json values = {{"loss", Loss(settings)},
                 {"lr", lr},
                 {"gradient_norm", norm},
                 {"tokens", tokens},
                 {"epoch", epoch},
                 {"loss_ignore_last",
                  (sums[kLoss] - sums[kLast]) / (SequencesOf(*this, settings) * ignoring_last)}};
  if (settings.model.chooses())
    values["aux"] = sums[kAuxiliary] / static_cast<double>(micro_batches * world);
  if (sums[kTaught] > 0) {
    values["teachers_divergence"] = sums[kDivergence] / sums[kTaught];
    values["teachers_weight"] = teachers_weight;
  }
  return values;
}

StepRecord RecordAfter(int64_t step, int64_t tokens, const StepPlace& place,
                       const TrainSettings& settings) {
  const auto count = static_cast<int64_t>(place.micro_batches.size());
  return {.step = step + 1,
          .epoch = place.epoch,
          .micro_batches = count,
          .tokens = tokens + count * settings.batch * settings.data.sequence,
          .lr = LearningRate(settings.schedule, step)};
}

Status AddUp(Collective& collective, std::vector<StepRecord>* records) {
  std::vector<double> flat;
  for (const StepRecord& record : *records)
    flat.insert(flat.end(), record.sums.begin(), record.sums.end());
  BRAID_RETURN_IF_ERROR(collective.AllReduce(flat.data(), std::ssize(flat)));
  auto from = flat.begin();
  for (StepRecord& record : *records) {
    std::copy_n(from, StepRecord::kSums, record.sums.begin());
    from += StepRecord::kSums;
  }
  return OkStatus();
}

}  // namespace braid::trainer
