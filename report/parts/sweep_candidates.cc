// A run with `seeds` or `sweep`: its models under each setting, with intervals over seeds,
// composites beside dense models, and the best of each after an equally long search.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/text.h"
#include "report/claims/finding.h"
#include "report/parts/part.h"
#include "report/parts/wording.h"
#include "report/results/sweep.h"

namespace braid::report {
namespace {

size_t MostSeeds(const Sweep& sweep) {
  size_t most = 0;
  for (const Candidate& candidate : sweep.candidates)
    most = std::max(most, candidate.trainings.size());
  return most;
}

std::string SettingOn(const Candidate& candidate, const std::string& axis) {
  for (const SweptValue& value : candidate.values) {
    if (value.axis == axis) return value.text;
  }
  return "-";
}

// "4.1023 ± 0.0210"; "-" if it is not known.
std::string EstimateText(const std::optional<Estimate>& estimate, int decimals) {
  return estimate.has_value() ? ToText(*estimate, decimals) : "-";
}

std::string MeanDuration(const std::optional<Estimate>& seconds) {
  return seconds.has_value() ? FormatDuration(seconds->value) : "-";
}

// The axes of settings: seeds are repetitions.
std::vector<std::string> SettingAxes(const Sweep& sweep) {
  std::vector<std::string> axes;
  for (const std::string& axis : sweep.axes) {
    const bool used = std::any_of(
        sweep.candidates.begin(), sweep.candidates.end(),
        [&](const Candidate& candidate) { return SettingOn(candidate, axis) != "-"; });
    if (used) axes.push_back(axis);
  }
  return axes;
}

// A row for each model and setting; the lowest loss of each role is pointed out.
Table CandidateTable(const Results& results) {
  const Sweep& sweep = *results.sweep;
  const std::vector<std::string> axes = SettingAxes(sweep);
  Table table;
  table.columns = {{"model"}, {"what"}};
  for (const std::string& axis : axes) table.columns.push_back({axis});
  table.columns.push_back({"seeds", true});
  for (const std::string& corpus : results.corpora)
    table.columns.push_back({CorpusTitle(corpus), true});
  for (const char* column : {"tokens", "time", "device time"})
    table.columns.push_back({column, true});
  std::map<Role, std::pair<double, size_t>> lowest;
  for (const Candidate& candidate : sweep.candidates) {
    std::vector<std::string> row = {candidate.model, TitleOf(candidate.role)};
    for (const std::string& axis : axes) row.push_back(SettingOn(candidate, axis));
    row.push_back(std::to_string(candidate.trainings.size()));
    for (const std::string& corpus : results.corpora)
      row.push_back(EstimateText(candidate.LossOn(corpus), 4));
    row.push_back(KnownCount(candidate.tokens()));
    row.push_back(MeanDuration(candidate.Seconds()));
    row.push_back(MeanDuration(candidate.CoreSeconds()));
    if (const auto loss = candidate.LossOn(kAllText); loss.has_value()) {
      const std::pair<double, size_t> here = {loss->value, table.rows.size()};
      const auto [there, is_new] = lowest.emplace(candidate.role, here);
      if (!is_new) there->second = std::min(there->second, here);
    }
    table.rows.push_back(std::move(row));
  }
  for (const auto& [role, best] : lowest)
    table.strong.insert({best.second, 2 + axes.size() + results.corpora.size()});
  return table;
}

// How far the figures below can be trusted.
std::string SeedsSentence(const Sweep& sweep) {
  const size_t seeds = MostSeeds(sweep);
  if (seeds < 2) {
    return "Every model was trained once under each setting, with one seed. One training proves "
           "little: another seed moves a loss by as much as many settings do. An interval (±) is "
           "what the text that was set aside leaves open; give seeds: 3 or more for intervals over "
           "trainings.";
  }
  return Format(
      "Losses are means over up to %zu seeds; ± is the 95 %% interval of the mean by Student's t, "
      "from how far the seeds' trainings lie apart. A model with fewer seeds says so in its row; "
      "with one it has no interval.",
      seeds);
}

// "Over 3 seeds and 2 seeds " or "In this one training ".
std::string SeedsOf(const CandidateComparison& one) {
  if (one.one_training) return kInThisTraining;
  if (!one.over_seeds) return "With one seed of one of them, and so without an interval, ";
  const size_t a = one.composite->trainings.size(), b = one.dense->trainings.size();
  return a == b ? Format("Over %zu seeds ", a) : Format("Over %zu and %zu seeds ", a, b);
}

// The verdict for people: whether the composite's loss is lower. A mean beside one training has no
// interval, and then nothing is decided.
std::string VerdictOn(const CandidateComparison& one, const Estimate& difference) {
  if (!one.over_seeds && !one.one_training) return "undecided";
  switch (LossIsLower(difference)) {
    case Verdict::kHolds:
      return "better";
    case Verdict::kDoesNotHold:
      return "worse";
    case Verdict::kUndecided:
      break;
  }
  // Equal is what lies within the margin with its whole interval.
  return std::abs(difference.value) + difference.HalfWidth() < kSameLoss ? "equal" : "undecided";
}
std::string VerdictOn(const CandidateComparison& one) {
  return VerdictOn(one, one.difference);
}

std::string VerdictSentence(const CandidateComparison& one) {
  const std::string verdict = VerdictOn(one);
  const std::string relation = verdict == "better"  ? " is better than "
                               : verdict == "worse" ? " is worse than "
                               : verdict == "equal" ? " is equal to "
                                                    : " does not differ for sure from ";
  std::string text = SeedsOf(one) + one.composite->Title() + relation + one.dense->Title() +
                     " on all text: " + EstimateText(one.composite->LossOn(kAllText), 4) +
                     " against " + EstimateText(one.dense->LossOn(kAllText), 4) + ", difference " +
                     (one.difference.value < 0 ? "" : "+") + ToText(one.difference, 4);
  if (one.time_share >= 0) text += Format(", in %.2f of its time on equal cores", one.time_share);
  if (one.device_time_share >= 0)
    text += Format(" and %.2f of its device time", one.device_time_share);
  text += ".";
  for (const auto& [corpus, difference] : one.by_corpus) {
    text += " On " + CorpusTitle(corpus) + " it is " + VerdictOn(one, difference) + ": " +
            (difference.value < 0 ? "" : "+") + ToText(difference, 4) + ".";
  }
  return text;
}

Table CandidatesBesideDense(const std::vector<CandidateComparison>& all) {
  Table table;
  table.columns = {{"composite"},        {"best dense of its tokens"},
                   {"seeds", true},      {"loss", true},
                   {"dense", true},      {"difference", true},
                   {"the composite is"}, {"time, of dense's", true},
                   {"device time", true}};
  std::set<std::string> corpora;
  for (const CandidateComparison& one : all) {
    for (const auto& [corpus, difference] : one.by_corpus) corpora.insert(corpus);
  }
  for (const std::string& corpus : corpora)
    table.columns.push_back({"difference on " + CorpusTitle(corpus), true});
  for (const CandidateComparison& one : all) {
    table.rows.push_back(
        {one.composite->Title(), one.dense->Title(),
         Format("%zu, %zu", one.composite->trainings.size(), one.dense->trainings.size()),
         EstimateText(one.composite->LossOn(kAllText), 4),
         EstimateText(one.dense->LossOn(kAllText), 4),
         (one.difference.value < 0 ? "" : "+") + ToText(one.difference, 4), VerdictOn(one),
         one.time_share >= 0 ? Format("%.2f", one.time_share) : "-",
         one.device_time_share >= 0 ? Format("%.2f", one.device_time_share) : "-"});
    for (const std::string& corpus : corpora) {
      const auto found = one.by_corpus.find(corpus);
      table.rows.back().push_back(found == one.by_corpus.end()
                                      ? "-"
                                      : (found->second.value < 0 ? "" : "+") +
                                            ToText(found->second, 4));
    }
  }
  return table;
}

// Settings that both families were given, in steps of two.
std::vector<int64_t> NumbersTried(int64_t most) {
  std::vector<int64_t> steps;
  for (int64_t n = 1; n < most; n *= 2) steps.push_back(n);
  steps.push_back(most);
  return steps;
}

double TimeOfTried(const Search& search, int64_t tried) {
  return search.core_seconds * static_cast<double>(tried) / static_cast<double>(search.settings);
}

Table EqualSearchTable(const std::vector<EqualSearch>& all) {
  Table table;
  table.columns = {{"tokens", true},
                   {"settings tried", true},
                   {"best dense", true},
                   {"best composite", true},
                   {"composite less dense", true},
                   {"device time, dense", true},
                   {"device time, composites", true}};
  for (const EqualSearch& one : all) {
    for (const int64_t tried : NumbersTried(one.tried())) {
      const double dense = one.dense.BestOf(tried), composite = one.composites.BestOf(tried);
      const auto time = [&](const Search& search) {
        return search.core_seconds >= 0 ? FormatDuration(TimeOfTried(search, tried)) : "-";
      };
      table.rows.push_back({KnownCount(one.tokens), std::to_string(tried), Format("%.4f", dense),
                            Format("%.4f", composite), Format("%+.4f", composite - dense),
                            time(one.dense), time(one.composites)});
    }
  }
  return table;
}

void AddEqualSearches(const Sweep& sweep, Document* document) {
  const std::vector<EqualSearch> all = SearchesOf(sweep);
  if (all.empty()) return;
  document->Heading("Best dense against best composite");
  for (const EqualSearch& one : all) {
    document->Text(Format("At %s tokens, the best of %lld dense and of %lld composite settings. ",
                          KnownCount(one.tokens).c_str(), (long long)one.dense.settings,
                          (long long)one.composites.settings) +
                   VerdictSentence(one.best));
  }
  document->Add(EqualSearchTable(all));
  document->Text(
      "A family that was given more settings has the better chance of a good one. So the table has "
      "the loss that the best of equally many settings has in the mean, were they drawn from those "
      "that were trained; device time is the part of the family's core-seconds that so many "
      "settings take, jobs of several settings counted once. The best setting was chosen by the "
      "trainings and the text on which it is shown, in both families; intervals are not corrected "
      "for "
      "the choice, nor for the number of composites that are judged above: of many at 95 %, some "
      "lie "
      "beyond theirs by chance.");
}

bool Has(const Sweep& sweep, Role role) {
  return std::any_of(sweep.candidates.begin(), sweep.candidates.end(),
                     [role](const Candidate& candidate) { return candidate.role == role; });
}

void AddCandidates(const Report& report, Document* document) {
  if (report.results.sweep == nullptr) return;
  const Sweep& sweep = *report.results.sweep;
  document->Heading("Results");
  document->Text(Format("%zu variants of one recipe, %zu models and settings, %zu trainings. ",
                        sweep.variants.size(), sweep.candidates.size(),
                        report.results.models.size()) +
                 SeedsSentence(sweep));
  document->Add(CandidateTable(report.results));
  document->Text(
      "Tokens and times of a composite include those of its paths: time is its critical path "
      "(longest path, merge, gate, joint training), device time the core-seconds of all its jobs. "
      "A dash under a setting: the model does not depend on it. Where settings were drawn at "
      "random, a "
      "value may also stand beside a model that does not depend on it, if no other variant shares "
      "its "
      "training.");
  const std::vector<CandidateComparison> all = CompareCandidates(sweep.candidates);
  if (!all.empty()) {
    document->Heading("Composites beside dense models");
    document->Add(CandidatesBesideDense(all));
    document->Text(
        "Each composite stands against the dense model and setting with the lowest loss among "
        "those with as many tokens. Time is the composite's critical path as a part of the dense "
        "model's time on as many cores (the most that the composite uses at once, in either "
        "phase), were "
        "that divided by them without loss; device time compares the core-seconds. Composites that "
        "no "
        "dense model has the tokens of are not here.");
  } else if (Has(sweep, Role::kComposite) && Has(sweep, Role::kDense)) {
    document->Text(
        "No composite stands beside a dense model: none of the dense models has as many tokens. "
        "Train one for as many, with `train.epochs` of its own, for a verdict.");
  }
  AddEqualSearches(sweep, document);
}

Json OptionalJson(const std::optional<Estimate>& estimate) {
  return estimate.has_value() ? ToJson(*estimate) : Json();
}

Json CandidateJson(const Candidate& candidate) {
  Json values = Json::object(), trainings = Json::array(), losses = Json::object();
  for (const SweptValue& value : candidate.values) values[value.axis] = value.text;
  std::set<std::string> corpora;
  for (const ModelResult& training : candidate.trainings) {
    trainings.push_back(training.name);
    for (const auto& [corpus, loss] : training.evaluation.losses) corpora.insert(corpus);
  }
  for (const std::string& corpus : corpora) {
    losses[corpus] = OptionalJson(candidate.LossOn(corpus));
    for (const ModelResult& training : candidate.trainings) {
      const auto loss = training.LossOn(corpus);
      losses[corpus]["trainings"].push_back(loss.has_value() ? Json(*loss) : Json());
    }
  }
  return {{"model", candidate.model},
          {"role", schema::NameOf(candidate.role)},
          {"values", values},
          {"trainings", trainings},
          {"loss", losses},
          {"parameters", candidate.trainings.front().evaluation.parameters},
          {"tokens", candidate.tokens()},
          {"cores", candidate.cores()},
          {"seconds", OptionalJson(candidate.Seconds())},
          {"core_seconds", OptionalJson(candidate.CoreSeconds())}};
}

Json BesideDenseJson(const CandidateComparison& one) {
  Json by_corpus = Json::object();
  for (const auto& [corpus, difference] : one.by_corpus) {
    by_corpus[corpus] = ToJson(difference);
    by_corpus[corpus]["verdict"] = VerdictOn(one, difference);
  }
  return {{"composite", one.composite->Title()},
          {"dense", one.dense->Title()},
          {"tokens", one.composite->tokens()},
          {"difference", ToJson(one.difference)},
          {"over_seeds", one.over_seeds},
          {"seeds", {one.composite->trainings.size(), one.dense->trainings.size()}},
          {"verdict", VerdictOn(one)},
          {"by_corpus", by_corpus},
          {"device_time_share", one.device_time_share >= 0 ? Json(one.device_time_share) : Json()},
          {"time_share", one.time_share >= 0 ? Json(one.time_share) : Json()}};
}

Json EqualSearchJson(const EqualSearch& one) {
  Json steps = Json::array();
  for (const int64_t tried : NumbersTried(one.tried())) {
    steps.push_back({{"settings", tried},
                     {"dense", one.dense.BestOf(tried)},
                     {"composite", one.composites.BestOf(tried)}});
  }
  const auto family = [](const Search& search) {
    return Json{{"settings", search.settings},
                {"core_seconds", search.core_seconds},
                {"best", search.best->Title()}};
  };
  return {{"tokens", one.tokens},
          {"dense", family(one.dense)},
          {"composites", family(one.composites)},
          {"best", BesideDenseJson(one.best)},
          {"equal_search", steps}};
}

void AddCandidatesJson(const Report& report, Json* json) {
  if (report.results.sweep == nullptr) return;
  const Sweep& sweep = *report.results.sweep;
  Json& to = (*json)["sweep"];
  to["axes"] = sweep.axes;
  to["variants"] = to["candidates"] = to["comparisons"] = to["searches"] = Json::array();
  for (const VariantResults& variant : sweep.variants) {
    Json values = Json::object();
    for (const SweptValue& value : variant.values) values[value.axis] = value.text;
    to["variants"].push_back({{"name", variant.name}, {"values", values}});
  }
  for (const Candidate& candidate : sweep.candidates)
    to["candidates"].push_back(CandidateJson(candidate));
  for (const CandidateComparison& one : CompareCandidates(sweep.candidates))
    to["comparisons"].push_back(BesideDenseJson(one));
  for (const EqualSearch& one : SearchesOf(sweep)) to["searches"].push_back(EqualSearchJson(one));
}

}  // namespace

Part SweepCandidatesPart() {
  return {.name = "sweep_candidates",
          .add_to_json = AddCandidatesJson,
          .add_to_summary = AddCandidates,
          .add_to_report = AddCandidates};
}

}  // namespace braid::report
