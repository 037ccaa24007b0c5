#include <algorithm>
#include <set>

#include "base/text.h"
#include "report/results/arms.h"
#include "report/tables/published.h"
#include "report/tables/tables.h"

namespace braid::report {
namespace {

constexpr char kHere[] = "this run";

std::string Time(double seconds) {
  return seconds >= 0 ? FormatDuration(seconds) : "-";
}
std::string Hours(double hours) {
  return hours >= 0 ? Format("%.2f h", hours) : "-";
}
std::string Score(const std::optional<Estimate>& score) {
  return score.has_value() ? ToText(*score, 2) : "-";
}
// A part of BLiMP says of what it is.
std::string BlimpScore(const ModelResult& model) {
  const auto& blimp = model.evaluation.blimp;
  if (!blimp.has_value()) return "-";
  const std::string score = ToText(blimp->mean, 2);
  if (!blimp->partial()) return score;
  return score +
         Format(" (%zu paradigms, %lld pairs)", blimp->paradigms.size(), (long long)blimp->pairs);
}
std::string Share(double percent) {
  return percent >= 0 ? Format("%.1f", percent) : "-";
}

// Of all of BLiMP: scores of parts of it are not compared.
std::optional<Estimate> BlimpOf(const ModelResult& model) {
  const auto& blimp = model.evaluation.blimp;
  return blimp.has_value() && !blimp->partial() ? std::optional<Estimate>(blimp->mean)
                                                : std::nullopt;
}
std::optional<Estimate> GlueOf(const ModelResult& model) {
  return model.evaluation.glue.has_value() ? model.evaluation.glue->glue : std::nullopt;
}
std::optional<Estimate> SuperGlueOf(const ModelResult& model) {
  return model.evaluation.glue.has_value() ? model.evaluation.glue->superglue : std::nullopt;
}

void MarkHighest(const std::vector<std::optional<Estimate>>& scores, size_t column, Table* table) {
  size_t best = scores.size(), known = 0;
  for (size_t r = 0; r < scores.size(); ++r) {
    if (!scores[r].has_value()) continue;
    ++known;
    if (best == scores.size() || scores[r]->value > scores[best]->value) best = r;
  }
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

// Models of this run for which `get` gives something: tables of many columns leave out the others.
template <typename Get>
std::vector<const ModelResult*> ModelsWith(const Results& results, const Get& get) {
  std::vector<const ModelResult*> models;
  for (const ModelResult& model : results.models) {
    if (get(model)) models.push_back(&model);
  }
  return models;
}

// Number of paths among the choices that `model` has.
size_t PathsAmong(const Results& results, const ModelResult& model, const RoutingShares& shares) {
  const size_t paths = results.PathsOf(model).size();
  return paths > 0 ? std::min(paths, shares.shares.size()) : shares.shares.size();
}

// All sets of decisions of a model: over the prompts, then over the text of each corpus. Of a model
// that draws noise while it is evaluated there are two passes, and each has its name.
std::vector<std::pair<std::string, RoutingShares>> SharesOf(const ModelResult& model) {
  std::vector<std::pair<std::string, RoutingShares>> sets;
  if (!model.evaluation.routing.has_value()) return sets;
  const Routing& routing = *model.evaluation.routing;
  const bool noisy = routing.noisy.value_or(false), one_pass = !routing.noisy.value_or(true);
  const auto add = [&](const std::string& over, const RoutingShares& shares) {
    sets.emplace_back(noisy ? over + ", with noise" : over, shares);
  };
  const auto add_clean = [&](const std::string& over, const RoutingShares& shares) {
    if (!one_pass) sets.emplace_back(over + ", without noise", shares);
  };
  const std::string prompts = routing.own_prompts ? "the prompts" : "braid's prompts";
  if (routing.summary.has_value()) add(prompts, *routing.summary);
  if (routing.clean.has_value()) add_clean(prompts, *routing.clean);
  for (const auto& [corpus, shares] : routing.text) {
    add(CorpusTitle(corpus), shares);
    if (const auto clean = routing.clean_text.find(corpus);
        noisy && clean != routing.clean_text.end()) {
      add_clean(CorpusTitle(corpus), clean->second);
    }
  }
  return sets;
}

std::vector<std::string> RoutingRow(const ModelResult& model, const std::string& counterpart,
                                    const std::string& over, const RoutingShares& shares,
                                    size_t paths, size_t most_paths) {
  std::vector<std::string> row = {model.name, counterpart, over};
  for (size_t i = 0; i < most_paths; ++i) row.push_back(i < paths ? Share(shares.shares[i]) : "-");
  row.push_back(paths < shares.shares.size() ? Share(shares.shares[paths]) : "-");
  if (!shares.correct.has_value()) {
    row.push_back("-");
  } else if (shares.judged > 0) {
    row.push_back(ToText(
        Scaled(Proportion(*shares.correct / 100, static_cast<double>(shares.judged)), 100), 1));
  } else {
    row.push_back(Share(*shares.correct));
  }
  row.push_back(shares.decisions > 0 ? FormatCount(static_cast<double>(shares.decisions)) : "-");
  return row;
}

std::string Decisions(const std::vector<std::vector<int64_t>>& decisions) {
  std::vector<std::string> repetitions;
  for (const auto& layers : decisions) {
    std::vector<std::string> choices;
    bool narrow = true;
    for (const int64_t choice : layers) {
      choices.push_back(std::to_string(choice));
      narrow = narrow && choice < 10;
    }
    repetitions.push_back(Join(choices, narrow ? "" : ","));
  }
  return repetitions.empty() ? "-" : Join(repetitions, " ");
}

}  // namespace

std::string CounterpartOf(const Results& results, const ModelResult& model) {
  const auto& spec = model.evaluation.spec;
  if (model.composed() || model.paths() > 0) {
    if (model.paths() != 2) return "-";
    const model::Connection& connection = spec->connection;
    if (connection.kind == model::ConnectionKind::kShare) return "Share_Linear";
    if (!connection.is_routed() || connection.router.kind != &model::kGumbelRouter) return "-";
    return connection.router.input == model::RouterInput::kCombined ? "Gumbel_MoE_1"
           : connection.router.input == model::RouterInput::kConcat ? "Gumbel_MoE_2"
                                                                    : "-";
  }
  for (const ModelResult& composite : results.models) {
    if (composite.role != "composite" && composite.role != "composite_scratch") continue;
    const auto paths = results.PathsOf(composite);
    if (paths.size() != 2) continue;
    if (model.role == "path" && composite.composed() && paths[0] == model.name) return "Path_1";
    if (model.role == "path" && composite.composed() && paths[1] == model.name) return "Path_2";
    const auto& whole = composite.evaluation.spec;
    if (model.role != "dense" || !whole.has_value() || !spec.has_value() || HasDualBlocks(model))
      continue;
    if (spec->width() == whole->width()) return "LLaMA_256";
    if (spec->width() * 4 == whole->width() * 3) return "LLaMA_192";
  }
  return "-";
}

Table TimesTable(const Results& results) {
  Table table;
  table.columns = {{"model"},
                   {"counterpart"},
                   {"stage 1", true},
                   {"stage 2", true},
                   {"total, paths at once", true},
                   {"total, paths in turn", true},
                   {"tokens/s", true}};
  for (const ModelResult& model : results.models) {
    if (model.role == "composite_start" || (model.seconds < 0 && model.stage_2_seconds < 0))
      continue;
    table.rows.push_back(
        {model.name, CounterpartOf(results, model), Time(model.stage_1_seconds),
         Time(model.stage_2_seconds), Time(model.seconds), Time(model.in_turn_seconds),
         model.tokens_per_second > 0 ? FormatCount(model.tokens_per_second) : "-"});
  }
  if (table.rows.empty()) return table;
  table.groups = {{0, kHere},
                  {table.rows.size(), "published: phase 2, hours of one GPU of the Puhti system"}};
  for (const PublishedTime& time : PublishedTimes()) {
    table.rows.push_back({time.model, "", Hours(time.stage_1_hours), Hours(time.stage_2_hours),
                          Hours(time.at_once_hours), Hours(time.in_turn_hours),
                          FormatCount(time.tokens_per_second)});
  }
  return table;
}

Table RoutingTable(const Results& results) {
  Table table;
  size_t most_paths = 2;
  for (const ModelResult& model : results.models) {
    for (const auto& [over, shares] : SharesOf(model))
      most_paths = std::max(most_paths, PathsAmong(results, model, shares));
  }
  table.columns = {{"model"}, {"counterpart"}, {"decisions over"}};
  for (size_t i = 1; i <= most_paths; ++i)
    table.columns.push_back({Format("path %zu, %%", i), true});
  for (const char* title : {"combined, %", "correct path, %", "decisions"})
    table.columns.push_back({title, true});
  for (const ModelResult& model : results.models) {
    for (const auto& [over, shares] : SharesOf(model)) {
      table.rows.push_back(RoutingRow(model, CounterpartOf(results, model), over, shares,
                                      PathsAmong(results, model, shares), most_paths));
    }
  }
  if (table.rows.empty()) return table;
  table.groups = {{0, kHere}, {table.rows.size(), "published: 20 prompts"}};
  for (const PublishedRouting& routing : PublishedRoutings()) {
    std::vector<std::string> row = {routing.model, "", "20 prompts", Share(routing.path_1),
                                    Share(routing.path_2)};
    row.insert(row.end(), most_paths - 2, "-");
    for (const double percent : {routing.combined, routing.correct}) row.push_back(Share(percent));
    row.push_back(std::to_string(routing.decisions));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table ScoreTable(const Results& results, bool with_published) {
  Table table;
  table.columns = {{"model"},      {"counterpart"},     {"BLiMP", true},
                   {"GLUE", true}, {"SuperGLUE", true}, {"mean", true}};
  const auto models = ModelsWith(results, [](const ModelResult& m) {
    return m.evaluation.blimp.has_value() || m.evaluation.glue.has_value();
  });
  std::vector<std::optional<Estimate>> columns[4];
  for (const ModelResult* model : models) {
    std::vector<std::string> row = {model->name, CounterpartOf(results, *model)};
    const std::optional<Estimate> scores[] = {BlimpOf(*model), GlueOf(*model), SuperGlueOf(*model),
                                              model->evaluation.MeanScore()};
    for (size_t i = 0; i < std::size(scores); ++i) {
      columns[i].push_back(scores[i]);
      row.push_back(i == 0 ? BlimpScore(*model) : Score(scores[i]));
    }
    table.rows.push_back(std::move(row));
  }
  for (size_t i = 0; i < std::size(columns); ++i) MarkHighest(columns[i], i + 2, &table);
  if (table.rows.empty() || !with_published) return table;
  table.groups.push_back({0, kHere});
  AddPublishedScores(2, "published: phase 2, TinyStories and mathematics", &table);
  AddPublishedScores(1, "published: phase 1, TinyStories alone, all trained from scratch", &table);
  return table;
}

Table PromptTable(const Results& results) {
  const auto models = ModelsWith(results, [](const ModelResult& m) {
    return m.evaluation.routing.has_value() && !m.evaluation.routing->prompts.empty();
  });
  Table table;
  table.columns = {{"prompt"}, {"right path", true}};
  std::vector<const RoutedPrompt*> prompts;
  for (const ModelResult* model : models) {
    const bool noisy = model->evaluation.routing->noisy.value_or(false);
    table.columns.push_back({noisy ? model->name + ", with noise" : model->name});
    if (noisy) table.columns.push_back({model->name + ", without noise"});
    for (const RoutedPrompt& prompt : model->evaluation.routing->prompts) {
      const bool seen = std::any_of(prompts.begin(), prompts.end(),
                                    [&](const RoutedPrompt* p) { return p->text == prompt.text; });
      if (!seen) prompts.push_back(&prompt);
    }
  }
  for (const RoutedPrompt* prompt : prompts) {
    std::vector<std::string> row = {prompt->text,
                                    prompt->correct > 0 ? std::to_string(prompt->correct) : "-"};
    for (const ModelResult* model : models) {
      const auto& all = model->evaluation.routing->prompts;
      const auto found = std::find_if(
          all.begin(), all.end(), [&](const RoutedPrompt& p) { return p.text == prompt->text; });
      row.push_back(found == all.end() ? "-" : Decisions(found->decisions));
      if (model->evaluation.routing->noisy.value_or(false))
        row.push_back(found == all.end() ? "-" : Decisions(found->clean_decisions));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table GlueTable(const Results& results) {
  const auto models = ModelsWith(results, [](const ModelResult& m) {
    return m.evaluation.glue.has_value() && !m.evaluation.glue->tasks.empty();
  });
  Table table;
  table.columns = {{"task"}, {"metric"}};
  std::map<std::string, std::string> metrics;
  for (const ModelResult* model : models) {
    table.columns.push_back({model->name, true});
    for (const auto& [name, task] : model->evaluation.glue->tasks) metrics[name] = task.metric;
  }
  for (const auto& [name, metric] : metrics) {
    std::vector<std::string> row = {name, metric};
    for (const ModelResult* model : models) {
      const auto task = model->evaluation.glue->tasks.find(name);
      if (task == model->evaluation.glue->tasks.end()) {
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
  const auto models = ModelsWith(results, [](const ModelResult& m) {
    return m.evaluation.blimp.has_value() && !m.evaluation.blimp->paradigms.empty();
  });
  Table table;
  table.columns = {{"paradigm"}};
  std::set<std::string> names;
  for (const ModelResult* model : models) {
    table.columns.push_back({model->name, true});
    for (const auto& [name, accuracy] : model->evaluation.blimp->paradigms) names.insert(name);
  }
  for (const std::string& name : names) {
    std::vector<std::string> row = {name};
    for (const ModelResult* model : models) {
      const auto found = model->evaluation.blimp->paradigms.find(name);
      row.push_back(
          found == model->evaluation.blimp->paradigms.end() ? "-" : Format("%.1f", found->second));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace braid::report
