// The parents of composites, and the proofs of the merges.
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "report/parts/part.h"

namespace braid::report {
namespace {

std::string Loss4(const std::optional<double>& loss) {
  return loss.has_value() ? Format("%.4f", *loss) : "-";
}

Table MergeTable(const Results& results) {
  Table table;
  table.columns = {{"composite"},
                   {"parents, in the order of their slices"},
                   {"connection"},
                   {"tensors from them", true},
                   {"new", true},
                   {"dropped", true},
                   {"bytes"},
                   {"hidden states"},
                   {"logits, largest difference", true},
                   {"loss of parents", true},
                   {"at the start", true},
                   {"trained", true}};
  for (const auto& [composite, account] : results.merges) {
    const auto found = results.gates.find(composite);
    // A merge that is not trained on has no gate.
    const GateProof gate = found == results.gates.end() ? GateProof() : found->second;
    std::vector<std::string> losses;
    for (const std::string& parent : account.parents) {
      const ModelResult* model = results.FindModel(parent);
      losses.push_back(Loss4(model == nullptr ? std::nullopt : model->LossOn(kAllText)));
    }
    std::optional<double> start, trained;
    for (const ModelResult& model : results.models) {
      if (model.composite == composite)
        (model.role == Role::kComposite ? trained : start) = model.LossOn(kAllText);
    }
    table.rows.push_back(
        {composite, Join(account.parents, ", "),
         account.spec.has_value() ? schema::NameOf(account.spec->connection.kind) : "-",
         std::to_string(account.taken), std::to_string(account.fresh),
         std::to_string(account.dropped), account.proof.empty() ? "not proved" : account.proof,
         gate.hidden_states.empty() ? "not compared" : gate.hidden_states,
         gate.logits_max_difference.has_value() ? Format("%.1e", *gate.logits_max_difference) : "-",
         Join(losses, ", "), Loss4(start), Loss4(trained)});
  }
  return table;
}

void AddMerges(const Report& report, Document* document) {
  if (report.results.merges.empty()) return;
  document->Heading("Merges and their proofs");
  document->Text(
      "Bytes: the tensors taken from the parents were read back and compared with theirs. Hidden "
      "states: every path inside the "
      "composite beside its parent alone. Losses are on all text; the start is the composite "
      "before its first joint step.");
  document->Add(MergeTable(report.results));
}

}  // namespace

Part MergesPart() {
  return {.name = "merges", .add_to_report = AddMerges};
}

}  // namespace braid::report
