// The models of the run with their losses by corpus, and what they cost.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "report/parts/part.h"
#include "report/parts/wording.h"

namespace braid::report {
namespace {

// Points out the lowest number of a column among `rows`, if there is more than one.
void MarkLowest(const std::vector<std::pair<size_t, double>>& values, size_t column, Table* table) {
  if (values.size() < 2) return;
  const auto lowest = std::min_element(
      values.begin(), values.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  table->strong.insert({lowest->first, column});
}

// A row for each model; a pair of columns for each corpus, which every model may lack.
Table LossTable(const Results& results) {
  Table table;
  table.columns = {{"model"}, {"what"}};
  for (const std::string& corpus : results.corpora) {
    std::vector<std::pair<size_t, double>> losses;
    for (size_t r = 0; r < results.models.size(); ++r) {
      if (const auto loss = results.models[r].LossOn(corpus); loss.has_value())
        losses.emplace_back(r, *loss);
    }
    MarkLowest(losses, table.columns.size(), &table);
    table.columns.push_back({CorpusTitle(corpus) + ": loss", true});
    table.columns.push_back({"perplexity", true});
  }
  const bool bits = std::any_of(results.models.begin(), results.models.end(), HasBitsPerByte);
  if (bits) table.columns.push_back({"bits a byte", true});
  for (const ModelResult& model : results.models) {
    std::vector<std::string> row = {model.name, TitleOf(model.role)};
    for (const std::string& corpus : results.corpora) {
      const auto loss = model.evaluation.losses.find(corpus);
      const bool known = loss != model.evaluation.losses.end();
      row.push_back(known ? Format("%.4f", loss->second.loss) : "-");
      row.push_back(
          known ? Format(loss->second.perplexity < 1000 ? "%.2f" : "%.0f", loss->second.perplexity)
                : "-");
    }
    if (bits) row.push_back(BitsPerByte(model));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table CostTable(const Results& results) {
  Table table;
  table.columns = {{"model"},       {"parameters", true}, {"tokens trained", true},
                   {"cores", true}, {"time", true},       {"tokens/s", true}};
  for (const ModelResult& model : results.models) {
    const bool rate = model.tokens > 0 && model.seconds > 0;
    table.rows.push_back(
        {model.name, KnownCount(model.evaluation.parameters), KnownCount(model.tokens),
         model.cores > 0 ? std::to_string(model.cores) : "-",
         model.seconds >= 0 ? FormatDuration(model.seconds) : "-",
         rate ? FormatCount(static_cast<double>(model.tokens) / model.seconds) : "-"});
  }
  return table;
}

void AddLosses(const Report& report, Document* document) {
  const Results& results = report.results;
  document->Heading("Results");
  if (results.corpora.empty())
    document->Text("The recipe asks for no validation loss (evaluate: loss).");
  if (!results.corpora.empty()) document->Add(LossTable(results));
  document->Add(CostTable(results));
  document->Text(
      "Losses are mean cross-entropies per token (natural logarithm) on text that no model was "
      "trained on. Tokens and time of a "
      "composite include those of its paths; its time is its critical path. A dash: not part of "
      "this run. Every model was trained once: an "
      "interval (±) is what the text that was set aside leaves open, and another training of the "
      "same recipe, by another seed, number of "
      "ranks or CPU, may lie outside of it.");
}

void AddLossesJson(const Results& /*results*/, const ModelResult& model, Json* json) {
  Json& losses = (*json)["loss"] = Json::object();
  for (const auto& [corpus, loss] : model.evaluation.losses) {
    losses[corpus] = {
        {"loss", loss.loss}, {"perplexity", loss.perplexity}, {"tokens", loss.tokens}};
    if (loss.bits_per_byte > 0) losses[corpus]["bits_per_byte"] = loss.bits_per_byte;
  }
}

}  // namespace

Part LossesPart() {
  return {.name = "losses",
          .add_to_model_json = AddLossesJson,
          .add_to_summary = AddLosses,
          .add_to_report = AddLosses};
}

}  // namespace braid::report
