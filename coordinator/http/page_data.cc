#include "coordinator/http/page_data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "recipe/graph/rungs.h"
#include "recipe/graph/text_size.h"
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

// How the text of a file is larger than the file, as far as its name tells.
bool IsCompressed(const std::vector<std::string>& files) {
  constexpr std::array<std::string_view, 5> kEndings = {".gz", ".zst", ".parquet", ".arrow", ".xz"};
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
    return std::any_of(kEndings.begin(), kEndings.end(),
                       [&](std::string_view ending) { return file.ends_with(ending); });
  });
}

// Tokens of the corpora whose sizes are known.
recipe::Known KnownOf(const recipe::Recipe& recipe, const std::vector<recipe::Source>& sources,
                      const std::map<std::string, int64_t>& bytes) {
  recipe::Known known;
  for (const recipe::Source& source : sources) {
    const auto size = bytes.find(source.name());
    if (source.kind != recipe::SourceKind::kSource || size == bytes.end()) continue;
    recipe::TextSize text{.bytes = size->second, .files = 1};
    text.compressed = IsCompressed(source.files);
    text.text_bytes = static_cast<double>(size->second) *
                      (text.compressed ? recipe::kCompression : 1);
    int64_t& tokens = known.tokens[source.owner];
    for (const recipe::Recipe* trained : recipe.Trained()) {
      if (const recipe::Corpus* own = trained->FindCorpus(source.owner); own != nullptr)
        tokens = std::max(tokens, recipe::EstimateTokens(*own, text));
    }
  }
  return known;
}

Json PlanJson(const recipe::Dag& dag) {
  Json jobs = Json::array(), models = Json::array();
  const std::map<std::string, double> shares = recipe::RunShares(dag);
  for (const recipe::JobNode& job : dag.jobs) {
    const auto share = shares.find(job.name);
    jobs.push_back({{"name", job.name},
                    {"kind", job.kind},
                    {"parents", job.parents},
                    {"ranks", job.ranks},
                    {"slotsPerRank", job.slots},
                    {"device", NameOf(job.device)},
                    {"parameters", job.estimate.parameters},
                    {"tokens", job.estimate.tokens},
                    {"flops", job.estimate.flops},
                    {"bytes", job.estimate.bytes},
                    {"runShare", share == shares.end() ? 1 : share->second}});
  }
  for (const recipe::PlannedModel& model : dag.models) {
    models.push_back({{"name", model.name},
                      {"job", model.job},
                      {"parameters", model.parameters},
                      {"bodyParameters", model.body_parameters},
                      {"tokens", model.tokens},
                      {"steps", model.steps}});
  }
  return {{"jobs", std::move(jobs)}, {"models", std::move(models)}};
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

Result<Json> CheckJson(const std::string& recipe, const std::string& name,
                       const std::map<std::string, int64_t>& bytes) {
  BRAID_ASSIGN_OR_RETURN(submit::RecipeCheck check, submit::CheckRecipe(recipe, name, /*only=*/{}));
  if (check.recipe.has_value() && check.status().ok() && !bytes.empty()) {
    const recipe::Known known = KnownOf(*check.recipe, check.dag.sources, bytes);
    BRAID_ASSIGN_OR_RETURN(check, submit::CheckRecipe(recipe, name, /*only=*/{}, known));
  }
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
              {"run", check.dag.run},
              {"plan", PlanJson(check.dag)}};
}

}  // namespace braid::coordinator
