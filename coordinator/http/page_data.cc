#include "coordinator/http/page_data.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "recipe/show/settings.h"
#include "submit/finding.h"
#include "submit/recipe_check.h"

namespace braid::coordinator {
namespace {

// Screens show no more, and digits that nobody sees are most of an answer.
Json Short(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::strtod(Format("%.7g", value).c_str(), nullptr);
}

Json CurveJson(const NamedCurve& curve) {
  Json steps = Json::array(), tokens = Json::array(), low = Json::array(), high = Json::array(),
       mean = Json::array();
  bool wide = false, counted = false;
  for (const CurveColumn& column : curve.columns) {
    steps.push_back(column.step);
    tokens.push_back(Short(column.tokens));
    low.push_back(Short(column.low));
    high.push_back(Short(column.high));
    mean.push_back(Short(column.sum / static_cast<double>(std::max<int64_t>(1, column.count))));
    wide = wide || column.count > 1;
    counted = counted || std::isfinite(column.tokens);
  }
  Json json = {{"name", curve.name},
               {"steps", std::move(steps)},
               {"mean", std::move(mean)},
               {"points", curve.points},
               {"last", Short(curve.last)}};
  if (counted) json["tokens"] = std::move(tokens);
  if (wide) {
    json["low"] = std::move(low);
    json["high"] = std::move(high);
  }
  return json;
}

Json FindingJson(const submit::Finding& finding) {
  Json json = {
      {"severity", finding.severity == submit::Severity::kError ? "ERROR" : "WARNING"},
      {"recipe", finding.recipe},
      {"message", finding.message},
  };
  if (finding.line > 0) json["line"] = finding.line;
  if (finding.column > 0) json["column"] = finding.column;
  if (!finding.field.empty()) json["field"] = finding.field;
  if (!finding.subject.empty()) json["subject"] = finding.subject;
  return json;
}

}  // namespace

Json CurvesJson(const CurvesOfJob& curves) {
  Json all = Json::array();
  for (const NamedCurve& curve : curves.curves) all.push_back(CurveJson(curve));
  return {{"curves", std::move(all)},
          {"names", curves.names},
          {"lastStep", curves.last_step},
          {"version", curves.version}};
}

Result<Json> CheckJson(const std::string& recipe, const std::string& name) {
  BRAID_ASSIGN_OR_RETURN(const submit::RecipeCheck check,
                         submit::CheckRecipe(recipe, name, /*only=*/{}));
  Json findings = Json::array(), sources = Json::array();
  for (const submit::Finding& finding : check.findings) findings.push_back(FindingJson(finding));
  for (const recipe::Source& source : check.dag.sources) {
    const bool one_file = source.kind == recipe::SourceKind::kTokenizer ||
                          source.kind == recipe::SourceKind::kPrompts;
    sources.push_back({{"name", source.name()},
                       {"files", source.files},
                       {"artifact", NameOf(source.artifact)},
                       {"folders", source.folders},
                       {"patterns", !source.folders && !one_file},
                       {"line", source.line}});
  }
  Json settings = Json::array();
  if (check.recipe.has_value()) settings = recipe::SettingsInForce(*check.recipe);
  return Json{{"settings", std::move(settings)},
              {"findings", std::move(findings)},
              {"sources", std::move(sources)},
              {"jobs", check.dag.jobs.size()},
              {"run", check.dag.run}};
}

}  // namespace braid::coordinator
