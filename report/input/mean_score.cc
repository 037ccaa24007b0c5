#include "report/input/mean_score.h"

#include "report/input/blimp.h"
#include "report/input/glue.h"

namespace braid::report {

std::optional<Estimate> MeanScore(const Evaluation& evaluation) {
  const Blimp* blimp = evaluation.measured.Find<Blimp>();
  const Glue* glue = evaluation.measured.Find<Glue>();
  if (blimp == nullptr || blimp->partial() || glue == nullptr || !glue->glue.has_value() ||
      !glue->superglue.has_value())
    return std::nullopt;
  return MeanOf({blimp->mean, *glue->glue, *glue->superglue});
}

}  // namespace braid::report
