// Losses over tokens and over time.
#include <algorithm>
#include <string>

#include "report/page/plot.h"
#include "report/parts/part.h"
#include "report/results/progress.h"

namespace braid::report {
namespace {

// Tokens that the paths of a joint job have seen before it: its curve begins there. 0 if they are
// not known.
double TokensBefore(const Results& results, const std::string& job) {
  for (const ModelResult* model : results.WithRole(Role::kComposite)) {
    if (model->job != job || model->tokens <= 0) continue;
    const JobResult* joint = results.FindJob(job);
    return static_cast<double>(model->tokens - (joint == nullptr ? 0 : joint->tokens()));
  }
  return 0;
}

Plot CurvesOf(const Results& results, const std::string& field, const std::string& title) {
  Plot plot{title, "tokens trained, those of the paths included", "loss, nats a token", {}};
  for (const ModelResult& model : results.models) {
    const auto history = results.histories.find(model.job);
    if (model.job.empty() || history == results.histories.end()) continue;
    Curve curve{model.name, {}};
    const double before = TokensBefore(results, model.job);
    for (const Json& point : history->second) {
      const auto value = point.find(field), tokens = point.find("tokens");
      if (value == point.end() || !value->is_number() || tokens == point.end() ||
          !tokens->is_number())
        continue;
      curve.points.emplace_back(before + tokens->get<double>(), value->get<double>());
    }
    if (!curve.points.empty()) plot.curves.push_back(std::move(curve));
  }
  return plot;
}

// Validation loss on all text over the time that composites and dense models take on equal cores:
// the most that a composite uses.
Plot CurvesOverTime(const Results& results) {
  Plot plot{
      "Validation loss over time, on equal cores", "seconds", "loss on all text, nats a token", {}};
  int64_t cores = 0;
  for (const SpeedComparison& speed : results.speed) cores = std::max(cores, speed.cores);
  if (cores == 0) return plot;
  for (const ModelResult& model : results.models) {
    if ((model.role != Role::kComposite && model.role != Role::kDense) || model.seconds <= 0 ||
        model.cores <= 0)
      continue;
    const auto points = ValidationCurve(results, model);
    // A composite is as long as it is; a dense model would take as much less as it has cores more.
    const double scale = model.role == Role::kDense
                             ? static_cast<double>(model.cores) / static_cast<double>(cores)
                             : 1;
    const double training = model.stage_2_seconds * scale, begin = model.seconds * scale - training;
    Curve curve{model.name, {}};
    for (const ValidationPoint& point : points)
      curve.points.emplace_back(begin + training * point.step / points.back().step, point.loss);
    if (!curve.points.empty()) plot.curves.push_back(std::move(curve));
  }
  return plot;
}

void AddCurves(const Report& report, Document* document) {
  const Results& results = report.results;
  if (results.histories.empty()) return;
  document->Heading("Loss curves");
  document->Plot("Training loss; each model on its own text.", "training-loss.svg",
                 ToSvg(CurvesOf(results, "loss", "Training loss")));
  for (size_t i = 0; i < results.corpora.size(); ++i) {
    const std::string& corpus = results.corpora[i];
    const Plot plot = CurvesOf(results, "validation/" + corpus,
                               "Validation loss: " + CorpusTitle(corpus));
    if (plot.curves.empty()) continue;
    document->Plot("Validation loss on " + CorpusTitle(corpus) + ".",
                   "validation-loss-" + std::to_string(i + 1) + ".svg", ToSvg(plot));
  }
  const Plot over_time = CurvesOverTime(results);
  if (over_time.curves.empty()) return;
  document->Plot(
      "Validation loss over time. Composites begin after their paths; dense models as if they used "
      "as many cores without loss.",
      "validation-loss-time.svg", ToSvg(over_time));
}

}  // namespace

Part CurvesPart() {
  return {.name = "curves", .add_to_report = AddCurves};
}

}  // namespace braid::report
