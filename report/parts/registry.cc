// All parts of the report. A new one is a file beside this one and a line in each of the two lists
// below.
#include "report/parts/part.h"

namespace braid::report {

Part AboutPart();
Part HighlightsPart();
Part LossesPart();
Part LeftOutPart();
Part ComparisonsPart();
Part ClaimsPart();
Part ScoresPart();
Part NextTokenPart();
Part TimesPart();
Part SpeedPart();
Part EqualTermsPart();
Part ClaimTallyPart();
Part GradientsPart();
Part RoutingPart();
Part DualArmsPart();
Part DualPathsPart();
Part CurvesPart();
Part SamplesPart();
Part MergesPart();
Part LineagePart();
Part RecipePart();
Part HalvingPart();
Part SweepCandidatesPart();
Part SweepFrontierPart();
Part SweepClaimsPart();

const std::vector<Part>& Parts() {
  static const std::vector<Part> kParts = {
      AboutPart(),       HighlightsPart(), LossesPart(),     HalvingPart(),   LeftOutPart(),
      ComparisonsPart(), ClaimsPart(),     ScoresPart(),     NextTokenPart(), TimesPart(),
      SpeedPart(),       EqualTermsPart(), ClaimTallyPart(), GradientsPart(), RoutingPart(),
      DualArmsPart(),    DualPathsPart(),  CurvesPart(),     SamplesPart(),   MergesPart(),
      LineagePart(),     RecipePart(),
  };
  return kParts;
}

// Of a run with `seeds` or `sweep`, whose models are too many to be told one by one. What is judged
// of each training alone is left out; of each model report.json has what it has elsewhere.
const std::vector<Part>& SweepParts() {
  static const std::vector<Part> kParts = [] {
    Part losses = LossesPart();
    losses.add_to_summary = losses.add_to_report = nullptr;
    return std::vector<Part>{AboutPart(), SweepCandidatesPart(), HalvingPart(), SweepFrontierPart(),
                             losses,      SweepClaimsPart(),     LineagePart(), RecipePart()};
  }();
  return kParts;
}

const std::vector<Part>& PartsOf(const Results& results) {
  return results.sweep == nullptr ? Parts() : SweepParts();
}

std::vector<EvaluationField> EvaluationFields() {
  std::vector<EvaluationField> fields;
  for (const Part& part : Parts())
    fields.insert(fields.end(), part.fields.begin(), part.fields.end());
  return fields;
}

}  // namespace braid::report
