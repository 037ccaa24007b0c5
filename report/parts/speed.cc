// How long composites took beside dense models, on equal cores.
#include <algorithm>

#include "base/text.h"
#include "report/parts/part.h"
#include "report/parts/wording.h"
#include "report/results/baseline.h"

namespace braid::report {
namespace {

// The composite's way beside each dense baseline that saw the same tokens.
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

void AddSpeed(const Report& report, Document* document) {
  const Results& results = report.results;
  if (results.speed.empty()) return;
  document->Heading("Time, on equal cores");
  document->Add(SpeedTable(results));
  document->Text(
      "The critical path is the seed model if there is one, the longest path job, the merge, its "
      "proof and the joint job, as "
      "measured, without time in the "
      "queue. The dense time on equal cores assumes that the dense model would use more cores "
      "without any loss, which "
      "favours it. A ratio above 1 means that the composite was ready first.");
  if (results.speed.size() > kMaxSentences) return;
  for (const SpeedComparison& one : results.speed) {
    const double ratio = one.dense_equal_cores / one.critical_path;
    const std::string figures =
        ratio >= 1
            ? Format("%s was ready %.2f times as fast as %s would be on the same %lld cores.",
                     one.composite.c_str(), ratio, one.dense.c_str(), (long long)one.cores)
            : Format("%s took %.2f times as long as %s would on the same %lld cores.",
                     one.composite.c_str(), 1 / ratio, one.dense.c_str(), (long long)one.cores);
    document->Text(kInThisTraining + figures);
  }
}

void AddSpeedJson(const Report& report, Json* json) {
  Json& speed = (*json)["speed"] = Json::array();
  for (const SpeedComparison& one : report.results.speed) {
    speed.push_back({{"composite", one.composite},
                     {"dense", one.dense},
                     {"cores", one.cores},
                     {"critical_path_s", one.critical_path},
                     {"one_after_another_s", one.one_after_another},
                     {"composite_core_s", one.composite_core_seconds},
                     {"dense_cores", one.dense_cores},
                     {"dense_s", one.dense_seconds},
                     {"dense_equal_cores_s", one.dense_equal_cores}});
  }
}

}  // namespace

Part SpeedPart() {
  return {.name = "speed",
          .add_to_json = AddSpeedJson,
          .add_to_summary = AddSpeed,
          .add_to_report = AddSpeed};
}

}  // namespace braid::report
