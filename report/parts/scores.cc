// BLiMP, GLUE and SuperGLUE: Table 7 of PaPaformer, this run above the published rows, and what its
// means are made of.
#include <map>
#include <optional>
#include <set>

#include "base/text.h"
#include "report/input/blimp.h"
#include "report/input/glue.h"
#include "report/input/mean_score.h"
#include "report/parts/counterpart.h"
#include "report/parts/part.h"
#include "report/parts/published.h"
#include "report/parts/wording.h"

namespace braid::report {
namespace {

std::string Score(const std::optional<Estimate>& score) {
  return score.has_value() ? ToText(*score, 2) : "-";
}

// A score on a part of BLiMP says which part.
std::string BlimpScore(const ModelResult& model) {
  const Blimp* blimp = model.Find<Blimp>();
  if (blimp == nullptr) return "-";
  const std::string score = ToText(blimp->mean, 2);
  if (!blimp->partial()) return score;
  return score +
         Format(" (%zu paradigms, %lld pairs)", blimp->paradigms.size(), (long long)blimp->pairs);
}

// Nothing where only a part of BLiMP was measured: such scores are not compared.
std::optional<Estimate> BlimpOf(const ModelResult& model) {
  const Blimp* blimp = model.Find<Blimp>();
  return blimp != nullptr && !blimp->partial() ? std::optional<Estimate>(blimp->mean)
                                               : std::nullopt;
}
std::optional<Estimate> GlueOf(const ModelResult& model) {
  const Glue* glue = model.Find<Glue>();
  return glue != nullptr ? glue->glue : std::nullopt;
}
std::optional<Estimate> SuperGlueOf(const ModelResult& model) {
  const Glue* glue = model.Find<Glue>();
  return glue != nullptr ? glue->superglue : std::nullopt;
}

// Prints the best score of a column in bold, among those of this run.
void MarkHighest(const std::vector<std::optional<Estimate>>& scores, size_t column, Table* table) {
  size_t best = scores.size(), known = 0;
  for (size_t r = 0; r < scores.size(); ++r) {
    if (!scores[r].has_value()) continue;
    ++known;
    if (best == scores.size() || scores[r]->value > scores[best]->value) best = r;
  }
  // Being the best of one is no distinction.
  if (known > 1) table->strong.insert({best, column});
}

void AddPublishedScores(int phase, const std::string& title, Table* table) {
  table->groups.push_back({table->rows.size(), title});
  for (const PublishedScore& score : PublishedScores()) {
    if (score.phase != phase) continue;
    table->rows.push_back({score.model, "", Format("%.2f", score.blimp), Format("%.2f", score.glue),
                           Format("%.2f", score.superglue), Format("%.2f", score.mean)});
  }
}

// A row for each model with a score, and below them the published rows.
Table ScoreTable(const Results& results, bool with_published) {
  Table table;
  table.columns = {{"model"},      {"counterpart"},     {"BLiMP", true},
                   {"GLUE", true}, {"SuperGLUE", true}, {"mean", true}};
  const auto models = results.ModelsWhere(
      [](const ModelResult& m) { return m.Find<Blimp>() != nullptr || m.Find<Glue>() != nullptr; });
  std::vector<std::optional<Estimate>> columns[4];
  for (const ModelResult* model : models) {
    std::vector<std::string> row = {model->name, CounterpartOf(results, *model)};
    const std::optional<Estimate> scores[] = {BlimpOf(*model), GlueOf(*model), SuperGlueOf(*model),
                                              MeanScore(model->evaluation)};
    for (size_t i = 0; i < std::size(scores); ++i) {
      columns[i].push_back(scores[i]);
      row.push_back(i == 0 ? BlimpScore(*model) : Score(scores[i]));
    }
    table.rows.push_back(std::move(row));
  }
  for (size_t i = 0; i < std::size(columns); ++i) MarkHighest(columns[i], i + 2, &table);
  if (table.rows.empty() || !with_published) return table;
  table.groups.push_back({0, kThisRun});
  AddPublishedScores(2, "published: phase 2, TinyStories and mathematics", &table);
  AddPublishedScores(1, "published: phase 1, TinyStories alone, all trained from scratch", &table);
  return table;
}

// A row for each task that any model was trained on.
Table GlueTable(const Results& results) {
  const auto models = results.ModelsWhere([](const ModelResult& m) {
    return m.Find<Glue>() != nullptr && !m.Find<Glue>()->tasks.empty();
  });
  Table table;
  table.columns = {{"task"}, {"metric"}};
  std::map<std::string, std::string> metrics;
  for (const ModelResult* model : models) {
    table.columns.push_back({model->name, true});
    for (const auto& [name, task] : model->Find<Glue>()->tasks) metrics[name] = task.metric;
  }
  for (const auto& [name, metric] : metrics) {
    std::vector<std::string> row = {name, metric};
    for (const ModelResult* model : models) {
      const auto task = model->Find<Glue>()->tasks.find(name);
      if (task == model->Find<Glue>()->tasks.end()) {
        row.push_back("-");
      } else if (task->second.deviation >= 0) {
        row.push_back(Format("%.2f ± %.2f (%lld)", task->second.score.value, task->second.deviation,
                             (long long)task->second.seeds));
      } else {
        row.push_back(Format("%.2f (1)", task->second.score.value));
      }
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table ParadigmTable(const Results& results) {
  const auto models = results.ModelsWhere([](const ModelResult& m) {
    return m.Find<Blimp>() != nullptr && !m.Find<Blimp>()->paradigms.empty();
  });
  Table table;
  table.columns = {{"paradigm"}};
  std::set<std::string> names;
  for (const ModelResult* model : models) {
    table.columns.push_back({model->name, true});
    for (const auto& [name, accuracy] : model->Find<Blimp>()->paradigms) names.insert(name);
  }
  for (const std::string& name : names) {
    std::vector<std::string> row = {name};
    for (const ModelResult* model : models) {
      const auto found = model->Find<Blimp>()->paradigms.find(name);
      row.push_back(found == model->Find<Blimp>()->paradigms.end() ? "-"
                                                                   : Format("%.1f", found->second));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

void AddScoreSummary(const Report& report, Document* document) {
  Table scores = ScoreTable(report.results, /*with_published=*/false);
  if (!scores.rows.empty()) document->Add(std::move(scores));
}

void AddScores(const Report& report, Document* document) {
  const Results& results = report.results;
  Table scores = ScoreTable(results, /*with_published=*/true);
  if (scores.rows.empty()) return;
  document->Heading("BLiMP, GLUE and SuperGLUE");
  document->Text(
      "Per cent, with 95 % intervals: for BLiMP of the pairs drawn (binomial, by paradigm), for "
      "GLUE and SuperGLUE of the seeds (Student's "
      "t). They say nothing of how another training of the same model would score. GLUE is the "
      "mean of eight tasks, SuperGLUE of three.");
  document->Add(std::move(scores));
  document->FoldTable(
      "GLUE and SuperGLUE by task",
      "Mean and standard deviation over seeds, their number in brackets. A task with one "
      "seed takes the spread "
      "of the task that spreads most for its interval.",
      GlueTable(results));
  document->FoldTable("BLiMP by paradigm", "", ParadigmTable(results));
}

Json ScoreJson(const std::optional<Estimate>& score) {
  return score.has_value() ? ToJson(*score) : Json();
}

void AddScoresJson(const Results& /*results*/, const ModelResult& model, Json* json) {
  Json& scores = (*json)["scores"] = Json::object();
  if (const Blimp* blimp = model.Find<Blimp>(); blimp != nullptr)
    scores["blimp"] = ToJson(blimp->mean);
  if (const Glue* glue = model.Find<Glue>(); glue != nullptr) {
    scores["glue"] = ScoreJson(glue->glue);
    scores["superglue"] = ScoreJson(glue->superglue);
    for (const auto& [name, task] : glue->tasks) {
      scores["tasks"][name] = {{"score", ToJson(task.score)},
                               {"metric", task.metric},
                               {"seeds", task.seeds},
                               {"deviation", task.deviation >= 0 ? Json(task.deviation) : Json()}};
    }
  }
  if (!scores.empty()) scores["mean"] = ScoreJson(MeanScore(model.evaluation));
}

}  // namespace

Part ScoresPart() {
  return {.name = "scores",
          .fields = {FieldOf<ReadBlimp>("blimp"), FieldOf<ReadGlue>("glue")},
          .add_to_model_json = AddScoresJson,
          .add_to_summary = AddScoreSummary,
          .add_to_report = AddScores};
}

}  // namespace braid::report
