#include "trainer/loop/step_validation.h"

#include <cmath>

#include "base/random.h"
#include "base/text.h"
#include "trainer/loop/validation.h"

namespace braid::trainer {

Result<ValidationOutcome> ValidateStep(int64_t step, const TrainSettings& settings,
                                       const std::vector<const corpus::Shards*>& corpora,
                                       Network& network, Collective& collective, StopVote& vote,
                                       Json* values) {
  // With `router_noise: always`, validation draws noise too; the seed depends on the step, so that
  // validations do not share their noise.
  const ValidationSpec spec{
      settings.data.sequence, settings.validate_sequences, settings.last_label,
      settings.loss_average,
      RandomStream(settings.seed, "validation").Bits(static_cast<uint64_t>(step))};
  ValidationOutcome outcome;
  vote.Begin();
  const auto losses = ValidationLosses(
      network, corpora, spec, collective, [&](int64_t done, int64_t total) -> Status {
        BRAID_ASSIGN_OR_RETURN(outcome.abandoned, vote.ShouldLeave(done, total));
        return outcome.abandoned ? Cancelled("stopped while validating") : OkStatus();
      });
  if (outcome.abandoned) return outcome;
  BRAID_RETURN_IF_ERROR(losses.status());
  for (const auto& [corpus, loss] : *losses) {
    if (!std::isfinite(loss.mean)) {
      outcome.fault = Format("the validation loss of %s after step %lld is %g", corpus.c_str(),
                             (long long)step, loss.mean);
      return outcome;
    }
    (*values)["validation/" + corpus] = loss.mean;
    // Losses over other targets do not compare, so the one over those of `ignore` is there, too.
    if (settings.last_label != spec::LastLabel::kIgnore)
      (*values)["validation_ignore_last/" + corpus] = loss.mean_ignore_last;
  }
  return outcome;
}

}  // namespace braid::trainer
