// How trainings went, by the norms of their gradients.
#include "base/text.h"
#include "report/parts/part.h"
#include "report/results/progress.h"

namespace braid::report {
namespace {

// A row a model that was trained here.
Table GradientTable(const Results& results) {
  Table table;
  table.columns = {{"model"},
                   {"steps", true},
                   {"norm of the first gradient", true},
                   {"clip", true},
                   {"clipped steps", true}};
  for (const ModelResult& model : results.models) {
    const auto gradients = GradientsOf(results, model);
    if (!gradients.has_value()) continue;
    table.rows.push_back(
        {model.name, std::to_string(gradients->steps), Format("%.3g", gradients->first),
         !model.clip.has_value() ? "-"
         : *model.clip == 0      ? "none"
                                 : Format("%g", *model.clip),
         gradients->clipped.has_value() ? Format("%.0f %%", 100 * *gradients->clipped) : "-"});
  }
  return table;
}

void AddGradients(const Report& report, Document* document) {
  Table table = GradientTable(report.results);
  if (table.rows.empty()) return;
  document->Heading("Gradients");
  document->Add(std::move(table));
  document->Text(
      "Global norm of the gradient of the first step, before clipping, and the share of all steps "
      "whose norm was above the clip. A first norm far "
      "above those of the other models says that a training begins badly scaled; where it was also "
      "clipped often, expect another seed to end elsewhere.");
}

void AddGradientsJson(const Results& results, const ModelResult& model, Json* json) {
  Json& part = (*json)["gradients"];
  const auto gradients = GradientsOf(results, model);
  if (!gradients.has_value()) return;
  part = {{"steps", gradients->steps},
          {"first_norm", gradients->first},
          {"clip", model.clip.has_value() ? Json(*model.clip) : Json()},
          {"clipped", gradients->clipped.has_value() ? Json(*gradients->clipped) : Json()}};
}

}  // namespace

Part GradientsPart() {
  return {
      .name = "gradients", .add_to_model_json = AddGradientsJson, .add_to_report = AddGradients};
}

}  // namespace braid::report
