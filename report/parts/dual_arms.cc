// Dense models and paths as the arms of the dual-path paper: what they are made of, what they cost,
// how good they are (docs/papers/dual_path.md#s5.2).
#include <algorithm>

#include "base/text.h"
#include "report/input/dual.h"
#include "report/parts/part.h"
#include "report/parts/published.h"
#include "report/results/arms.h"

namespace braid::report {
namespace {

std::string Width(int64_t width) {
  return width > 0 ? std::to_string(width) : "-";
}

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
                                [](const Arm& arm) { return HasBitsPerByte(*arm.model); });
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

// The numbers that the paper printed, beside those of the run: at other sizes and on other text, so
// only their order can be compared.
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

// The heading is that of the part dual_paths too.
void AddDualArms(const Report& report, Document* document) {
  const Results& results = report.results;
  Table arms = ArmTable(results);
  const bool read_out = std::any_of(results.models.begin(), results.models.end(),
                                    [](const ModelResult& m) { return m.Find<Dual>() != nullptr; });
  if (arms.rows.empty() && !read_out) return;
  document->Heading("Dual-path");
  if (arms.rows.empty()) return;
  document->Text(
      "Operations are forward ones a token, two a multiply-add: A counts products with weights, "
      "B the scores of attention too (causal "
      "average). Widths are the hidden widths of the feed-forwards as they are.");
  document->Add(std::move(arms));
  document->FoldTable(
      "Published arms",
      "Budgets are operations a token and layer; 16 layers of width 768 at 4096 tokens, "
      "38.5 G tokens trained: directions compare, "
      "numbers do not. C4 to mathematics in bits a byte, their mean before them; right "
      "answers as shares.",
      PublishedArmTable());
}

}  // namespace

Part DualArmsPart() {
  return {.name = "dual_arms", .add_to_report = AddDualArms};
}

}  // namespace braid::report
