// The recipe of the run, whole.
#include "report/parts/part.h"

namespace braid::report {
namespace {

void AddRecipe(const Report& report, Document* document) {
  if (report.results.recipe.empty()) return;
  document->Heading("Recipe");
  Document inside("The recipe of this run");
  inside.Code(report.results.recipe);
  document->Fold(inside);
}

}  // namespace

Part RecipePart() {
  return {.name = "recipe", .add_to_report = AddRecipe};
}

}  // namespace braid::report
