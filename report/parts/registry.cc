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

const std::vector<Part>& Parts() {
  static const std::vector<Part> kParts = {
      AboutPart(),      HighlightsPart(), LossesPart(),    LeftOutPart(), ComparisonsPart(),
      ClaimsPart(),     ScoresPart(),     NextTokenPart(), TimesPart(),   SpeedPart(),
      EqualTermsPart(), ClaimTallyPart(), GradientsPart(), RoutingPart(), DualArmsPart(),
      DualPathsPart(),  CurvesPart(),     SamplesPart(),   MergesPart(),  LineagePart(),
      RecipePart(),
  };
  return kParts;
}

std::vector<EvaluationField> EvaluationFields() {
  std::vector<EvaluationField> fields;
  for (const Part& part : Parts())
    fields.insert(fields.end(), part.fields.begin(), part.fields.end());
  return fields;
}

}  // namespace braid::report
