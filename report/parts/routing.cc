// Which paths were chosen, by prompt and over text, beside Table 6 of PaPaformer.
#include "report/input/routing.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "report/parts/counterpart.h"
#include "report/parts/part.h"
#include "report/parts/published.h"
#include "report/parts/wording.h"

namespace braid::report {
namespace {

// Per cent; below 0, which is not known: "-".
std::string Share(double percent) {
  return percent >= 0 ? Format("%.1f", percent) : "-";
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
  const Routing* found = model.Find<Routing>();
  if (found == nullptr) return sets;
  const Routing& routing = *found;
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
  table.groups = {{0, kThisRun}, {table.rows.size(), "published: 20 prompts"}};
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

// "121", or "1,12,1" where a choice has two digits; several positions stand apart.
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

Table PromptTable(const Results& results) {
  const auto models = results.ModelsWhere([](const ModelResult& m) {
    return m.Find<Routing>() != nullptr && !m.Find<Routing>()->prompts.empty();
  });
  Table table;
  table.columns = {{"prompt"}, {"right path", true}};
  std::vector<const RoutedPrompt*> prompts;
  for (const ModelResult* model : models) {
    const bool noisy = model->Find<Routing>()->noisy.value_or(false);
    table.columns.push_back({noisy ? model->name + ", with noise" : model->name});
    if (noisy) table.columns.push_back({model->name + ", without noise"});
    for (const RoutedPrompt& prompt : model->Find<Routing>()->prompts) {
      const bool seen = std::any_of(prompts.begin(), prompts.end(),
                                    [&](const RoutedPrompt* p) { return p->text == prompt.text; });
      // Models that were asked the same prompts share their rows.
      if (!seen) prompts.push_back(&prompt);
    }
  }
  for (const RoutedPrompt* prompt : prompts) {
    std::vector<std::string> row = {prompt->text,
                                    prompt->correct > 0 ? std::to_string(prompt->correct) : "-"};
    for (const ModelResult* model : models) {
      const auto& all = model->Find<Routing>()->prompts;
      const auto found = std::find_if(
          all.begin(), all.end(), [&](const RoutedPrompt& p) { return p.text == prompt->text; });
      row.push_back(found == all.end() ? "-" : Decisions(found->decisions));
      if (model->Find<Routing>()->noisy.value_or(false))
        row.push_back(found == all.end() ? "-" : Decisions(found->clean_decisions));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

void AddRouting(const Report& report, Document* document) {
  Table routing = RoutingTable(report.results);
  if (routing.rows.empty()) return;
  document->Heading("Routing");
  document->Text(
      "How often each path, or their combination, was chosen, and how often the choice was the "
      "path of the text's own domain, with its "
      "95 % interval. One decision a token and parallel layer; over the prompts, at their last "
      "token.");
  document->Add(std::move(routing));
  document->FoldTable(
      "Decisions by prompt",
      "One digit a parallel layer: the path that was chosen; the number after the last path "
      "is the combination.",
      PromptTable(report.results));
}

Json SharesJson(const RoutingShares& shares) {
  return {{"shares", shares.shares},
          {"correct", shares.correct.has_value() ? Json(*shares.correct) : Json()},
          {"decisions", shares.decisions}};
}

void AddRoutingJson(const Results& /*results*/, const ModelResult& model, Json* json) {
  Json& part = (*json)["routing"];
  const Routing* routing = model.Find<Routing>();
  if (routing == nullptr) return;
  part = {{"summary", nullptr}, {"text", Json::object()}};
  if (routing->summary.has_value()) part["summary"] = SharesJson(*routing->summary);
  for (const auto& [corpus, shares] : routing->text) part["text"][corpus] = SharesJson(shares);
  // Older evaluations do not say whether there was noise.
  if (!routing->noisy.has_value()) return;
  part["noise"] = *routing->noisy;
  if (routing->clean.has_value()) part["clean"]["summary"] = SharesJson(*routing->clean);
  for (const auto& [corpus, shares] : routing->clean_text)
    part["clean"]["text"][corpus] = SharesJson(shares);
}

}  // namespace

Part RoutingPart() {
  return {.name = "routing",
          .fields = {FieldOf<ReadRouting>("routing")},
          .add_to_model_json = AddRoutingJson,
          .add_to_report = AddRouting};
}

}  // namespace braid::report
