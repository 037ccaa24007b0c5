#include "report/parts/report.h"

#include "report/results/results_json.h"

namespace braid::report {

Document SummaryDocument(const Report& report) {
  Document document(report.results.title);
  for (const Part& part : PartsOf(report.results)) {
    if (part.add_to_summary != nullptr) part.add_to_summary(report, &document);
  }
  return document;
}

Document FullDocument(const Report& report) {
  Document document(report.results.title);
  for (const Part& part : PartsOf(report.results)) {
    if (part.add_to_report != nullptr) part.add_to_report(report, &document);
  }
  return document;
}

// Keys are sorted, so the order of parts does not show here.
Json ReportJson(const Report& report) {
  Json json = ToJson(report.results);
  for (const Part& part : PartsOf(report.results)) {
    for (size_t i = 0; i < report.results.models.size(); ++i) {
      if (part.add_to_model_json != nullptr)
        part.add_to_model_json(report.results, report.results.models[i], &json["models"][i]);
    }
    if (part.add_to_json != nullptr) part.add_to_json(report, &json);
  }
  return json;
}

}  // namespace braid::report
