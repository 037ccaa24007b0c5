// What dense models had reached when they had seen as many tokens as a composite, and when as much
// time was over.
#include <optional>

#include "base/text.h"
#include "report/parts/part.h"
#include "report/parts/wording.h"
#include "report/results/progress.h"

namespace braid::report {
namespace {

// A row a composite and dense model (report/results/progress.h).
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
                          KnownCount(one.composite->tokens),
                          FormatDuration(one.speed.critical_path), std::to_string(one.speed.cores),
                          one.dense->name, reached(one.tokens), reached(one.time)});
  }
  return table;
}

void AddEqualTerms(const Report& report, Document* document) {
  Table table = EqualTermsTable(report.results);
  if (table.rows.empty()) return;
  document->Heading("Loss at equal tokens and at equal time");
  document->Add(std::move(table));
  document->Text(
      "Validation losses on all text from the histories, on the sequences that the recipe's "
      "validate measures; between two validations, the "
      "straight line. The dense model stands as it was when it had seen as many tokens as the "
      "composite with its paths, and when the "
      "composite's critical path was over, if its time went down with the number of cores; in "
      "brackets, how much of its steps it had done. A dense model that is "
      "caught halfway has not come to the end of its schedule: one planned for that time would "
      "have a lower loss.");
  const std::vector<EqualTerms> all = CompareOnEqualTerms(report.results);
  // The table has all of them; a page of sentences would be read by nobody.
  if (all.size() > kMaxSentences) return;
  for (const EqualTerms& one : all) {
    if (!one.time.has_value()) continue;
    document->Text(
        kInThisTraining +
        Format("%s had a validation loss of %.4f when it was ready, after %s on %lld cores; %s "
               "would have had about %.4f by then, if it used those cores without loss.",
               one.composite->name.c_str(), one.loss,
               FormatDuration(one.speed.critical_path).c_str(), (long long)one.speed.cores,
               one.dense->name.c_str(), one.time->loss));
  }
}

Json ReachedJson(const std::optional<Reached>& reached) {
  return reached.has_value() ? Json{{"loss", reached->loss}, {"share", reached->share}} : Json();
}

void AddEqualTermsJson(const Report& report, Json* json) {
  Json& all = (*json)["equal_terms"] = Json::array();
  for (const EqualTerms& one : CompareOnEqualTerms(report.results)) {
    all.push_back({{"composite", one.composite->name},
                   {"dense", one.dense->name},
                   {"validation_loss", one.loss},
                   {"tokens", one.composite->tokens},
                   {"cores", one.speed.cores},
                   {"seconds", one.speed.critical_path},
                   {"dense_at_tokens", ReachedJson(one.tokens)},
                   {"dense_at_time", ReachedJson(one.time)}});
  }
}

}  // namespace

Part EqualTermsPart() {
  return {.name = "equal_terms",
          .add_to_json = AddEqualTermsJson,
          .add_to_summary = AddEqualTerms,
          .add_to_report = AddEqualTerms};
}

}  // namespace braid::report
