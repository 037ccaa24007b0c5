#include "coordinator/submission/comparison.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "recipe/show/fields.h"
#include "submit/recipe_check.h"
#include "task/job_kind.h"

namespace braid::coordinator {
namespace {

using catalog::AttemptRecord;
using catalog::JobRecord;
using recipe::FieldValues;
using task::IsKind;
using task::JobKind;

// A page shows no more of them, whatever a program has reported.
constexpr size_t kMostMeasured = 100;
constexpr size_t kDeepestMeasured = 4;

// A recipe, once for all runs that have it.
struct KnownRecipe {
  std::vector<FieldValues> fields;  // of each variant
  std::vector<std::string> names;   // the same; empty without variants
  // The same: from the name of a job in the variant to its name in the run.
  std::vector<std::map<std::string, std::string>> jobs;
  // From the name of a job in the run to the variants that have it, and its name there.
  std::map<std::string, std::vector<std::pair<size_t, std::string>>> variants;
  std::string trouble;
};

KnownRecipe KnownOf(const std::string& text) {
  KnownRecipe known;
  if (text.empty()) {
    known.trouble = "it has no recipe: a merge request made it";
    return known;
  }
  const auto check = submit::CheckRecipe(text, "recipe.yaml", {});
  if (!check.ok() || !check->status().ok()) {
    known.trouble = "its recipe is none for this version: " +
                    (check.ok() ? check->status() : check.status()).message();
    return known;
  }
  known.fields = recipe::FieldsOfTrainings(*check->recipe);
  for (size_t i = 0; i < check->dag.variants.size(); ++i) {
    const recipe::PlannedVariant& variant = check->dag.variants[i];
    known.names.push_back(variant.name);
    known.jobs.push_back(variant.jobs);
    for (const auto& [own, in_run] : variant.jobs) known.variants[in_run].push_back({i, own});
  }
  return known;
}

// The name without the kind: of what the job is about.
std::string SubjectOf(const std::string& job) {
  return job.substr(std::min(job.find(':') + 1, job.size()));
}

// The numbers within `json`, by path. That of one number stands under the path itself.
void Flatten(const Json& json, const std::string& path, size_t depth,
             std::map<std::string, double>* numbers) {
  if (numbers->size() >= kMostMeasured || depth > kDeepestMeasured) return;
  if (json.is_number()) numbers->emplace(path, json.get<double>());
  if (!json.is_object()) return;
  for (const auto& [name, value] : json.items())
    Flatten(value, path.empty() ? name : path + "/" + name, depth + 1, numbers);
}

// {"loss": {"all": {"loss": 3, "bits_per_byte": 2}}} -> "loss/all", "bits_per_byte/all".
std::map<std::string, double> MeasuredOf(const std::string& summary) {
  Json json = Json::parse(summary, nullptr, /*allow_exceptions=*/false);
  std::map<std::string, double> measured;
  if (!json.is_object()) return measured;
  if (const auto losses = json.find("loss"); losses != json.end() && losses->is_object()) {
    for (const auto& [corpus, numbers] : losses->items()) {
      for (const char* name : {"loss", "bits_per_byte"}) {
        if (numbers.is_object() && numbers.contains(name) && numbers[name].is_number())
          measured[std::string(name) + "/" + corpus] = numbers[name].get<double>();
      }
    }
  }
  json.erase("loss");
  Flatten(json, "", 0, &measured);
  return measured;
}

int64_t IntegerAt(const Json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return json.is_object() && found != json.end() && found->is_number_integer()
             ? found->get<int64_t>()
             : 0;
}

// One run with what is known of its recipe.
class RunModels {
 public:
  RunModels(const catalog::RunRows& rows, const KnownRecipe& known, int64_t now_ms)
      : rows_(rows), known_(known) {
    for (const JobRecord& job : rows.jobs) jobs_[job.key.job] = &job;
    for (const AttemptRecord& attempt : rows.attempts) {
      if (attempt.started_ms == 0) continue;
      const int64_t end_ms = attempt.ended_ms != 0 ? attempt.ended_ms : now_ms;
      took_ms_[attempt.key.job] += std::max<int64_t>(0, end_ms - attempt.started_ms);
    }
  }

  // What is evaluated, with its training, and what is only trained; in the order of the run. The
  // variants of each are those in which it is that model.
  std::vector<std::pair<ComparedModel, std::vector<size_t>>> Models() {
    std::vector<std::tuple<int64_t, ComparedModel, std::vector<size_t>>> found;
    std::set<std::string> measured;
    for (const JobRecord& job : rows_.jobs) {
      if (!IsKind(job.kind, JobKind::kEvaluate)) continue;
      ComparedModel model = ModelOf(job);
      model.evaluation = job.key.job;
      model.measured = MeasuredOf(job.summary);
      const JobRecord* training = TrainingOf(job);
      if (training != nullptr) {
        AddTraining(*training, &model);
        measured.insert(training->key.job);
      }
      found.emplace_back((training != nullptr ? *training : job).position, std::move(model),
                         VariantsOf(job));
    }
    for (const JobRecord& job : rows_.jobs) {
      if (!task::IsTraining(job.kind) || measured.contains(job.key.job)) continue;
      ComparedModel model = ModelOf(job);
      AddTraining(job, &model);
      found.emplace_back(job.position, std::move(model), VariantsOf(job));
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return std::get<0>(a) < std::get<0>(b); });
    std::vector<std::pair<ComparedModel, std::vector<size_t>>> models;
    for (auto& [position, model, variants] : found)
      models.emplace_back(std::move(model), std::move(variants));
    return models;
  }

 private:
  // The variants that have the job; all that there are if no variant is known to.
  std::vector<size_t> VariantsOf(const JobRecord& job) const {
    std::vector<size_t> variants;
    if (const auto found = known_.variants.find(job.key.job); found != known_.variants.end()) {
      for (const auto& [variant, own] : found->second) variants.push_back(variant);
    } else {
      for (size_t i = 0; i < known_.fields.size(); ++i) variants.push_back(i);
    }
    return variants;
  }

  std::string OwnNameOf(const JobRecord& job) const {
    const auto found = known_.variants.find(job.key.job);
    return found == known_.variants.end() ? job.key.job : found->second.front().second;
  }

  ComparedModel ModelOf(const JobRecord& job) const {
    ComparedModel model;
    model.name = SubjectOf(OwnNameOf(job));
    const std::vector<size_t> variants = VariantsOf(job);
    if (!known_.names.empty() && variants.size() == 1) model.variant = known_.names[variants[0]];
    model.state = job.state;
    return model;
  }

  // The job that trains what `evaluation` measures; null: none of this run.
  const JobRecord* TrainingOf(const JobRecord& evaluation) const {
    const std::string subject = SubjectOf(OwnNameOf(evaluation));
    for (const std::string& own : {subject, task::JobName(JobKind::kJoint, subject)}) {
      const auto found = jobs_.find(InRun(evaluation, own));
      if (found != jobs_.end() && task::IsTraining(found->second->kind)) return found->second;
    }
    return nullptr;
  }

  // The name in the run of a job of the variant that `beside` is of.
  std::string InRun(const JobRecord& beside, const std::string& own) const {
    const auto of = known_.variants.find(beside.key.job);
    if (of == known_.variants.end()) return own;
    const auto& jobs = known_.jobs[of->second.front().first];
    const auto in_run = jobs.find(own);
    return in_run == jobs.end() ? own : in_run->second;
  }

  void AddTraining(const JobRecord& job, ComparedModel* model) const {
    model->job = job.key.job;
    model->state = job.state;
    const Json summary = Json::parse(job.summary, nullptr, /*allow_exceptions=*/false);
    model->parameters = IntegerAt(summary, "parameters");
    model->tokens = IntegerAt(summary, "tokens");
    const auto took = took_ms_.find(job.key.job);
    if (took != took_ms_.end()) model->seconds = static_cast<double>(took->second) / 1000;
  }

  const catalog::RunRows& rows_;
  const KnownRecipe& known_;
  std::map<std::string, const JobRecord*> jobs_;
  std::map<std::string, int64_t> took_ms_;  // by job, all attempts together
};

// The values that the variants have in common.
FieldValues InCommon(const std::vector<FieldValues>& fields, const std::vector<size_t>& variants) {
  if (variants.empty()) return {};
  FieldValues common = fields[variants.front()];
  for (const size_t variant : variants) {
    std::erase_if(common, [&](const auto& field) {
      const auto there = fields[variant].find(field.first);
      return there == fields[variant].end() || there->second != field.second;
    });
  }
  return common;
}

// Gives each field, value and set of values a place.
class Places {
 public:
  int32_t PlaceOf(const FieldValues& fields) {
    const auto [found, is_new] = sets_.emplace(fields, static_cast<int32_t>(sets_.size()));
    for (const auto& [name, value] : fields) {
      if (is_new) values_[name].emplace(value, static_cast<int32_t>(values_[name].size()));
    }
    return found->second;
  }

  void Finish(Comparison* comparison) const {
    comparison->settings.assign(sets_.size(), std::vector<int32_t>(values_.size(), -1));
    int32_t field = 0;
    for (const auto& [name, values] : values_) {
      ComparedField& compared = comparison->fields.emplace_back();
      compared.name = name;
      compared.values.resize(values.size());
      for (const auto& [value, place] : values) compared.values[static_cast<size_t>(place)] = value;
      for (const auto& [fields, set] : sets_) {
        const auto found = fields.find(name);
        if (found != fields.end())
          comparison->settings[static_cast<size_t>(set)][static_cast<size_t>(field)] = values.at(
              found->second);
      }
      ++field;
    }
  }

 private:
  std::map<FieldValues, int32_t> sets_;
  std::map<std::string, std::map<std::string, int32_t>> values_;
};

}  // namespace

Comparison CompareRuns(const std::vector<catalog::RunRows>& runs, int64_t now_ms) {
  Comparison comparison;
  Places places;
  std::map<std::string, KnownRecipe> recipes;  // by text
  for (const catalog::RunRows& rows : runs) {
    const auto [known, is_new] = recipes.try_emplace(rows.run.recipe);
    if (is_new) known->second = KnownOf(rows.run.recipe);
    ComparedRun& compared = comparison.runs.emplace_back();
    compared.run = rows.run;
    compared.trouble = known->second.trouble;
    // Models of the same variants have the same settings.
    std::map<std::vector<size_t>, int32_t> settings;
    for (auto& [model, variants] : RunModels(rows, known->second, now_ms).Models()) {
      if (!variants.empty()) {
        const auto [set, fresh] = settings.try_emplace(variants);
        if (fresh) set->second = places.PlaceOf(InCommon(known->second.fields, variants));
        model.settings = set->second;
      }
      compared.models.push_back(std::move(model));
    }
  }
  places.Finish(&comparison);
  return comparison;
}

}  // namespace braid::coordinator
