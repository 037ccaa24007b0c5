// Successive halving: which settings were compared at which rung, and which were stopped.
#include "report/results/halving.h"

#include "base/text.h"
#include "report/parts/part.h"
#include "report/parts/wording.h"

namespace braid::report {
namespace {

std::string ShareText(double share) {
  return Format("%.3g %%", 100 * share);
}

const char* EndText(TrialEnd end, bool last) {
  switch (end) {
    case TrialEnd::kWentOn:
      return last ? "came to its end" : "went on";
    case TrialEnd::kStopped:
      return "stopped";
    case TrialEnd::kFailed:
      return "failed";
  }
  return "";
}

// A row for each rung and setting, the best first.
Table RungTable(const Halving& halving) {
  Table table;
  table.columns = {{"rung", true}, {"of the training", true}, {"place", true},
                   {"setting"},    {"held-out loss", true},   {"then"}};
  for (size_t i = 0; i < halving.rungs.size(); ++i) {
    const RungResult& rung = halving.rungs[i];
    int64_t place = 0;
    for (const TrialAtRung& trial : rung.trials) {
      table.rows.push_back({std::to_string(i + 1), ShareText(rung.share), std::to_string(++place),
                            trial.name, trial.loss ? Format("%.4f", *trial.loss) : "-",
                            EndText(trial.end, rung.share >= 1)});
    }
  }
  return table;
}

void AddRungs(const Report& report, Document* document) {
  for (const Halving& halving : report.results.halvings) {
    document->Heading((halving.starts ? "Starts of " : "Successive halving of ") + halving.model);
    document->Text(
        Format("%zu %s of %s were compared by their losses on held-out text, the mean over "
               "corpora and seeds, and the best went on from each rung.",
               halving.rungs.front().trials.size(), halving.starts ? "starts" : "settings",
               halving.model.c_str()) +
        (halving.core_seconds > 0 ? " All their trainings, with those that were stopped, took " +
                                        FormatDuration(halving.core_seconds) + " of device time."
                                  : "") +
        " The other tables have the settings that came to their end: a search over few of them "
        "stands for one over all that were compared.");
    document->Add(RungTable(halving));
  }
}

Json HalvingJson(const Halving& halving) {
  Json rungs = Json::array();
  for (const RungResult& rung : halving.rungs) {
    Json trials = Json::array();
    for (const TrialAtRung& trial : rung.trials) {
      const char* end = trial.end == TrialEnd::kWentOn    ? "went_on"
                        : trial.end == TrialEnd::kStopped ? "stopped"
                                                          : "failed";
      trials.push_back({{"setting", trial.name},
                        {"loss", trial.loss ? Json(*trial.loss) : Json()},
                        {"end", end}});
    }
    rungs.push_back({{"share", rung.share}, {"trials", std::move(trials)}});
  }
  return {{"model", halving.model},
          {"rungs", std::move(rungs)},
          {"core_seconds", halving.core_seconds > 0 ? Json(halving.core_seconds) : Json()}};
}

void AddRungsJson(const Report& report, Json* json) {
  if (report.results.halvings.empty()) return;
  Json all = Json::array();
  for (const Halving& halving : report.results.halvings) all.push_back(HalvingJson(halving));
  (*json)["halvings"] = std::move(all);
}

}  // namespace

Part HalvingPart() {
  return {.name = "halving",
          .add_to_json = AddRungsJson,
          .add_to_summary = AddRungs,
          .add_to_report = AddRungs};
}

}  // namespace braid::report
