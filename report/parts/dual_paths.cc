// How models use their deep and their wide path: interventions, read-outs and deep shares.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "report/input/dual.h"
#include "report/page/plot.h"
#include "report/parts/part.h"
#include "report/parts/published.h"

namespace braid::report {
namespace {

Table InterventionTable(const Dual& dual) {
  Table table;
  std::vector<std::string> corpora;
  for (const Intervention& one : dual.interventions) {
    for (const auto* numbers : {&one.loss, &one.change}) {
      for (const auto& [corpus, value] : *numbers) {
        if (std::find(corpora.begin(), corpora.end(), corpus) == corpora.end())
          corpora.push_back(corpus);
      }
    }
  }
  table.columns = {{"intervention"}};
  for (const std::string& corpus : corpora) {
    table.columns.push_back({CorpusTitle(corpus) + ": loss", true});
    table.columns.push_back({"change", true});
  }
  // The losses with learned gates, to which all changes refer.
  if (!dual.loss.empty()) {
    std::vector<std::string> row = {"as trained"};
    for (const std::string& corpus : corpora) {
      const auto loss = dual.loss.find(corpus);
      row.push_back(loss == dual.loss.end() ? "-" : Format("%.4f", loss->second));
      row.push_back("");
    }
    table.rows.push_back(std::move(row));
  }
  for (const Intervention& one : dual.interventions) {
    std::vector<std::string> row = {one.name};
    for (const std::string& corpus : corpora) {
      const auto loss = one.loss.find(corpus), change = one.change.find(corpus);
      row.push_back(loss == one.loss.end() ? "-" : Format("%.4f", loss->second));
      row.push_back(change == one.change.end() ? "-" : Format("%+.3f", change->second));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// In the order in which a reader of section 6 expects them; others follow by name.
constexpr const char* kReadOutOrder[] = {"deep_share", "gate_deep", "gate_wide",
                                         "gate_gap",   "cosine",    "expected_steps",
                                         "norm_deep",  "norm_wide", "norm_input"};

std::vector<std::string> ReadOutNames(const std::vector<ReadOut>& rows) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  // Known columns in a fixed order, then whatever a newer evaluation has, then the counts.
  for (const char* name : kReadOutOrder) {
    if (std::any_of(rows.begin(), rows.end(),
                    [&](const ReadOut& row) { return row.values.contains(name); }))
      add(name);
  }
  for (const ReadOut& row : rows) {
    for (const auto& [name, value] : row.values) {
      if (name != "tokens") add(name);
    }
  }
  if (std::any_of(rows.begin(), rows.end(),
                  [](const ReadOut& row) { return row.values.contains("tokens"); }))
    add("tokens");
  return names;
}

// "deep_share" -> "deep share".
std::string Words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

Table ReadOutTable(const std::vector<ReadOut>& rows) {
  Table table;
  std::vector<std::string> labels;
  for (const ReadOut& row : rows) {
    for (const auto& [label, value] : row.labels) {
      if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(label);
    }
  }
  const std::vector<std::string> names = ReadOutNames(rows);
  for (const std::string& label : labels) table.columns.push_back({Words(label)});
  for (const std::string& name : names) table.columns.push_back({Words(name), true});
  for (const ReadOut& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& label : labels) {
      const auto found = std::find_if(row.labels.begin(), row.labels.end(),
                                      [&](const auto& entry) { return entry.first == label; });
      cells.push_back(found == row.labels.end() ? "-" : found->second);
    }
    for (const std::string& name : names) {
      const auto found = row.values.find(name);
      cells.push_back(found == row.values.end() ? "-"
                      : name == "tokens"        ? FormatCount(found->second)
                                                : Format("%.3f", found->second));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// Rows that differ in their block alone, as one: the unweighted mean over the blocks of the
// read-outs that compare classes of tokens.
std::vector<ReadOut> MeanOverBlocks(const std::vector<ReadOut>& rows) {
  std::vector<ReadOut> means;
  std::vector<double> blocks;
  for (const ReadOut& row : rows) {
    std::vector<std::pair<std::string, std::string>> labels;
    for (const auto& label : row.labels) {
      if (label.first != "place") labels.push_back(label);
    }
    auto mean = std::find_if(means.begin(), means.end(),
                             [&](const ReadOut& m) { return m.labels == labels; });
    if (mean == means.end()) {
      means.push_back({labels, {}});
      blocks.push_back(0);
      mean = means.end() - 1;
    }
    blocks[static_cast<size_t>(mean - means.begin())] += 1;
    for (const char* name : {"deep_share", "gate_deep", "gate_wide", "expected_steps", "tokens"}) {
      if (row.values.contains(name)) mean->values[name] += row.values.at(name);
    }
  }
  for (size_t i = 0; i < means.size(); ++i) {
    for (auto& [name, value] : means[i].values) value /= blocks[i];
  }
  return means;
}

Table PublishedInterventionTable() {
  Table table;
  table.columns = {{"intervention"}, {"GSM8K", true}, {"TriviaQA", true}, {"WikiText-103", true}};
  const PublishedIntervention& learned = PublishedLearnedGates();
  table.rows.push_back({learned.intervention + ": loss", Format("%.3f", learned.gsm8k),
                        Format("%.3f", learned.trivia_qa), Format("%.3f", learned.wiki_text)});
  for (const PublishedIntervention& one : PublishedInterventions()) {
    table.rows.push_back({one.intervention, Format("%+.2f", one.gsm8k),
                          Format("%+.2f", one.trivia_qa), Format("%+.2f", one.wiki_text)});
  }
  return table;
}

void AddDeepShares(const Results& results, Document* document) {
  Plot plot{"Deep share by layer", "layer", "deep share", {}};
  for (const ModelResult& model : results.models) {
    if (model.role == Role::kCompositeStart || model.Find<Dual>() == nullptr) continue;
    Curve curve{model.name, {}};
    const auto& layers = model.Find<Dual>()->layers;
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto share = layers[i].values.find("deep_share");
      if (share != layers[i].values.end())
        curve.points.emplace_back(static_cast<double>(i), share->second);
    }
    if (!curve.points.empty()) plot.curves.push_back(std::move(curve));
  }
  if (plot.curves.empty()) return;
  document->Plot(
      "Share of the deep path in what a layer adds, gates included: 0 is all wide, 1 all deep.",
      "deep-share.svg", ToSvg(plot));
}

void AddDualModel(const ModelResult& model, Document* document) {
  const Dual& dual = *model.Find<Dual>();
  if (!dual.interventions.empty()) {
    document->Heading("Interventions on " + model.name, 3);
    document->Text(
        "Losses in nats a token with the blocks forced to what is named, and the change against "
        "the learned gates.");
    document->Add(InterventionTable(dual));
  }
  document->FoldTable("Read-outs of " + model.name + " by block", "", ReadOutTable(dual.layers));
  document->FoldTable("Read-outs of " + model.name + " by corpus and class of tokens",
                      "Means over its blocks.", ReadOutTable(MeanOverBlocks(dual.readouts)));
}

void AddDualPaths(const Report& report, Document* document) {
  bool interventions = false;
  for (const ModelResult& model : report.results.models) {
    if (model.role == Role::kCompositeStart || model.Find<Dual>() == nullptr) continue;
    AddDualModel(model, document);
    interventions = interventions || !model.Find<Dual>()->interventions.empty();
  }
  if (interventions) {
    document->FoldTable(
        "Published interventions",
        "Change of the loss in nats; 80 million operations a layer, alpha 50, K = 4. Class "
        "overrides: what they cost beyond as many other tokens, over 15 "
        "checkpoints.",
        PublishedInterventionTable());
  }
  AddDeepShares(report.results, document);
}

}  // namespace

Part DualPathsPart() {
  return {
      .name = "dual_paths", .fields = {FieldOf<ReadDual>("dual")}, .add_to_report = AddDualPaths};
}

}  // namespace braid::report
