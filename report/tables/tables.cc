#include "report/tables/tables.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/results/baseline.h"
#include "report/results/progress.h"

namespace braid::report {
namespace {

std::string Known(int64_t value) {
  return value > 0 ? FormatCount(static_cast<double>(value)) : "-";
}

// Points out the lowest number of a column among `rows`, if there is more than one.
void MarkLowest(const std::vector<std::pair<size_t, double>>& values, size_t column, Table* table) {
  if (values.size() < 2) return;
  const auto lowest = std::min_element(
      values.begin(), values.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  table->strong.insert({lowest->first, column});
}

std::string Loss4(const std::optional<double>& loss) {
  return loss.has_value() ? Format("%.4f", *loss) : "-";
}

std::string NextTokens(const Sample& sample) {
  std::vector<std::string> parts;
  for (const auto& [token, probability] : sample.next)
    parts.push_back("\"" + token + "\"" +
                    Format(100 * probability < 10 ? " %.1f %%" : " %.0f %%", 100 * probability));
  return Join(parts, ", ");
}

}  // namespace

std::string CorpusTitle(const std::string& corpus) {
  return corpus == "all" ? "all text" : corpus;
}

std::string RoleName(const ModelResult& model) {
  if (model.role == "composite") return "composite, trained";
  if (model.role == "composite_start") return "composite, merged";
  if (model.role == "composite_scratch") return "composite, from scratch";
  return model.role == "dense" ? "dense baseline" : "path";
}

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
  const bool bits = std::any_of(results.models.begin(), results.models.end(),
                                [](const ModelResult& model) { return BitsPerByte(model) != "-"; });
  if (bits) table.columns.push_back({"bits a byte", true});
  for (const ModelResult& model : results.models) {
    std::vector<std::string> row = {model.name, RoleName(model)};
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
        {model.name, Known(model.evaluation.parameters), Known(model.tokens),
         model.cores > 0 ? std::to_string(model.cores) : "-",
         model.seconds >= 0 ? FormatDuration(model.seconds) : "-",
         rate ? FormatCount(static_cast<double>(model.tokens) / model.seconds) : "-"});
  }
  return table;
}

Table DifferenceTable(const Results& results) {
  Table table;
  table.columns = {{"composite"}, {"its start", true}};
  std::vector<const ModelResult*> baselines;
  for (const ModelResult& model : results.models) {
    if (model.baseline()) baselines.push_back(&model);
  }
  for (const ModelResult* model : baselines) table.columns.push_back({model->name, true});
  table.columns.push_back({"its best path", true});
  for (const ModelResult* composite : results.WithRole("composite")) {
    std::vector<const ModelResult*> others = {results.StartOf(*composite)};
    others.insert(others.end(), baselines.begin(), baselines.end());
    others.push_back(BestPathOf(results, *composite));
    std::vector<std::string> row = {composite->name};
    for (const ModelResult* other : others) {
      const auto difference = other == nullptr ? std::nullopt
                                               : LossDifference(*composite, *other, "all");
      row.push_back(difference.has_value()
                        ? (difference->value < 0 ? "" : "+") + ToText(*difference, 4)
                        : "-");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
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
    const GateProof gate = found == results.gates.end() ? GateProof() : found->second;
    std::vector<std::string> losses;
    for (const std::string& parent : account.parents) {
      const ModelResult* model = results.FindModel(parent);
      losses.push_back(Loss4(model == nullptr ? std::nullopt : model->LossOn("all")));
    }
    std::optional<double> start, trained;
    for (const ModelResult& model : results.models) {
      if (model.composite == composite)
        (model.role == "composite" ? trained : start) = model.LossOn("all");
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

Table SpeedTable(const Results& results) {
  Table table;
  table.columns = {{"composite"},
                   {"dense"},
                   {"cores", true},
                   {"critical path", true},
                   {"paths in turn", true},
                   {"dense on its cores", true},
                   {"dense on equal cores", true},
                   {"ratio", true}};
  for (const SpeedComparison& one : results.speed) {
    const auto baselines = BaselinesOf(results, *results.FindModel(one.composite));
    if (std::none_of(baselines.begin(), baselines.end(),
                     [&](const ModelResult* m) { return m->name == one.dense; }))
      continue;
    table.rows.push_back(
        {one.composite, one.dense, std::to_string(one.cores), FormatDuration(one.critical_path),
         FormatDuration(one.one_after_another),
         FormatDuration(one.dense_seconds) + Format(" (%lld)", (long long)one.dense_cores),
         FormatDuration(one.dense_equal_cores),
         Format("%.2f", one.dense_equal_cores / one.critical_path)});
  }
  return table;
}

Table EqualTermsTable(const Results& results) {
  Table table;
  table.columns = {{"composite"},
                   {"validation loss", true},
                   {"tokens", true},
                   {"time", true},
                   {"cores", true},
                   {"dense"},
                   {"dense at these tokens", true},
                   {"dense at this time", true}};
  const auto reached = [](const std::optional<Reached>& at) {
    return at.has_value() ? Format("%.4f (%.0f %%)", at->loss, 100 * at->share) : "-";
  };
  for (const EqualTerms& one : CompareOnEqualTerms(results)) {
    table.rows.push_back({one.composite->name, Format("%.4f", one.loss),
                          Known(one.composite->tokens), FormatDuration(one.speed.critical_path),
                          std::to_string(one.speed.cores), one.dense->name, reached(one.tokens),
                          reached(one.time)});
  }
  return table;
}

Table GradientTable(const Results& results) {
  Table table;
  table.columns = {{"model"},
                   {"steps", true},
                   {"norm of the first gradient", true},
                   {"clip", true},
                   {"clipped steps", true}};
  for (const ModelResult& model : results.models) {
    const auto gradients = GradientsOf(results, model);
    if (!gradients.has_value()) continue;
    table.rows.push_back(
        {model.name, std::to_string(gradients->steps), Format("%.3g", gradients->first),
         !model.clip.has_value() ? "-"
         : *model.clip == 0      ? "none"
                                 : Format("%g", *model.clip),
         gradients->clipped.has_value() ? Format("%.0f %%", 100 * *gradients->clipped) : "-"});
  }
  return table;
}

Table SampleTable(const Results& results) {
  Table table;
  table.columns = {{"model"}, {"continuation"}};
  std::vector<std::string> prompts;
  bool next = false;
  for (const ModelResult& model : results.models) {
    for (const Sample& sample : model.evaluation.samples) {
      if (std::find(prompts.begin(), prompts.end(), sample.prompt) == prompts.end())
        prompts.push_back(sample.prompt);
      next = next || !sample.next.empty();
    }
  }
  if (next) table.columns.push_back({"next token"});
  for (const std::string& prompt : prompts) {
    table.groups.push_back({table.rows.size(), prompt});
    for (const ModelResult& model : results.models) {
      for (const Sample& sample : model.evaluation.samples) {
        if (sample.prompt == prompt)
          table.rows.push_back({model.name, sample.text, NextTokens(sample)});
      }
    }
  }
  return table;
}

Table ClaimTable(const std::vector<Finding>& findings) {
  Table table;
  table.columns = {{"models"}, {"verdict", false, /*verdict=*/true}, {"measured here"}};
  std::string claim;
  for (const Finding& finding : findings) {
    if (finding.claim != claim) {
      claim = finding.claim;
      table.groups.push_back(
          {table.rows.size(), claim + " (" + finding.source + ": " + finding.published + ")"});
    }
    table.rows.push_back({finding.subject, ToText(finding.verdict), finding.reason});
  }
  return table;
}

}  // namespace braid::report
