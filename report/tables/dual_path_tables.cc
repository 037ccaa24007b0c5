#include <algorithm>

#include "base/text.h"
#include "report/results/arms.h"
#include "report/tables/published.h"
#include "report/tables/tables.h"

namespace braid::report {
namespace {

std::string Width(int64_t width) {
  return width > 0 ? std::to_string(width) : "-";
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

std::string Words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

}  // namespace

Table ArmTable(const Results& results) {
  Table table;
  const std::vector<Arm> arms = ArmsOf(results);
  if (std::none_of(arms.begin(), arms.end(),
                   [](const Arm& arm) { return HasDualBlocks(*arm.model); }))
    return table;
  table.columns = {{"model"},
                   {"block"},
                   {"blocks", true},
                   {"K", true},
                   {"width deep", true},
                   {"width wide", true},
                   {"parameters", true}};
  for (const std::string& corpus : results.corpora)
    table.columns.push_back({CorpusTitle(corpus) + ": loss", true});
  const bool bits = std::any_of(arms.begin(), arms.end(),
                                [](const Arm& arm) { return BitsPerByte(*arm.model) != "-"; });
  if (bits) table.columns.push_back({"bits a byte", true});
  for (const char* title : {"A, block", "B, block", "A, model", "B, model"})
    table.columns.push_back({title, true});
  for (const Arm& arm : arms) {
    const bool llama = !arm.stack.block->has_dual();
    std::vector<std::string> row = {
        arm.model->name,
        arm.stack.block->name,
        std::to_string(arm.stack.blocks),
        arm.stack.has_deep() ? std::to_string(arm.stack.dual.loops) : "-",
        Width(arm.stack.has_deep() ? arm.stack.dual.ffn_deep : 0),
        Width(llama                  ? arm.stack.ffn
              : arm.stack.has_wide() ? arm.stack.dual.ffn_wide
                                     : 0),
        FormatCount(static_cast<double>(arm.model->evaluation.parameters))};
    for (const std::string& corpus : results.corpora) {
      const auto loss = arm.model->LossOn(corpus);
      row.push_back(loss.has_value() ? Format("%.4f", *loss) : "-");
    }
    if (bits) row.push_back(BitsPerByte(*arm.model));
    for (const double operations :
         {arm.block_projections, arm.block_causal, arm.projections, arm.causal})
      row.push_back(FormatCount(operations));
    table.rows.push_back(std::move(row));
  }
  return table;
}

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

Table PublishedArmTable() {
  Table table;
  table.columns = {{"budget"},
                   {"arm"},
                   {"K", true},
                   {"parameters", true},
                   {"A, MFLOP", true},
                   {"B, MFLOP", true},
                   {"bits a byte", true},
                   {"C4", true},
                   {"WikiText", true},
                   {"commonsense", true},
                   {"mathematics", true},
                   {"commonsense, right", true},
                   {"GSM8K, right", true}};
  const auto printed = [](double value) {
    return value < 0 ? std::string("-") : Format("%.3f", value);
  };
  for (const PublishedArm& arm : PublishedArms()) {
    const PublishedBenchmarks& of = arm.benchmarks;
    table.rows.push_back({std::to_string(arm.budget) + " M", arm.arm, std::to_string(arm.loops),
                          FormatCount(1e6 * arm.parameters), Format("%.2f", arm.projections),
                          Format("%.1f", arm.causal), Format("%.4f", arm.bits_per_byte),
                          printed(of.c4), printed(of.wiki_text), printed(of.commonsense),
                          printed(of.mathematics), printed(of.commonsense_accuracy),
                          printed(of.gsm8k_accuracy)});
  }
  return table;
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

}  // namespace braid::report
