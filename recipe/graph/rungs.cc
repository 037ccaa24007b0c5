#include "recipe/graph/rungs.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"
#include "recipe/graph/merge_jobs.h"
#include "recipe/halving.h"
#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::recipe {
namespace {

namespace role = task::role;

// One setting of the sweep, with the trainings of all seeds.
struct Trial {
  std::string name;
  std::vector<std::string> jobs;
};

// The job of a variant's own graph that trains the model.
std::string TrainingOf(const Recipe& recipe, const std::string& model) {
  const bool composite = std::any_of(recipe.composites.begin(), recipe.composites.end(),
                                     [&](const Composite& one) { return one.name() == model; });
  return composite ? task::JobName(task::JobKind::kJoint, model) : model;
}

SweptValues WithoutSeed(SweptValues values) {
  std::erase_if(values, [](const SweptValue& value) { return value.axis == kSeedsAxis; });
  return values;
}

// The values that both have.
SweptValues InBoth(SweptValues values, const SweptValues& others) {
  std::erase_if(values, [&](const SweptValue& value) {
    return std::none_of(others.begin(), others.end(), [&](const SweptValue& other) {
      return other.axis == value.axis && other.text == value.text;
    });
  });
  return values;
}

// In the order of the variants. Settings whose trainings are the same jobs are one trial, which has
// the values that they have in common.
std::vector<Trial> TrialsOf(const Dag& dag, const std::string& job) {
  // By axis and value: names of settings may be alike.
  using Setting = std::vector<std::pair<std::string, std::string>>;
  std::map<Setting, std::vector<std::string>> jobs_of;
  std::vector<std::pair<Setting, SweptValues>> settings;
  for (const PlannedVariant& variant : dag.variants) {
    const auto made = variant.jobs.find(job);
    if (made == variant.jobs.end()) continue;
    const SweptValues values = WithoutSeed(variant.values);
    Setting setting;
    for (const SweptValue& value : values) setting.emplace_back(value.axis, value.text);
    if (!jobs_of.contains(setting)) settings.emplace_back(setting, values);
    jobs_of[setting].push_back(made->second);
  }
  std::vector<std::pair<std::vector<std::string>, SweptValues>> trials;
  std::map<std::vector<std::string>, size_t> known;  // places in `trials`
  for (const auto& one : settings) {
    const std::vector<std::string>& jobs = jobs_of.at(one.first);
    const auto [place, is_new] = known.emplace(jobs, trials.size());
    if (is_new)
      trials.emplace_back(jobs, one.second);
    else
      trials[place->second].second = InBoth(std::move(trials[place->second].second), one.second);
  }
  std::vector<Trial> named;
  for (auto& [jobs, values] : trials) {
    const std::string name = SuffixOf(values);
    named.push_back(
        {name.empty() ? Format("setting %zu", named.size() + 1) : name, std::move(jobs)});
  }
  return named;
}

// The part of an estimate from one share of the training to another.
Estimate PartOf(Estimate whole, double from, double to) {
  whole.tokens = std::llround(static_cast<double>(whole.tokens) * (to - from));
  whole.flops *= to - from;
  return whole;
}

}  // namespace

std::string CautionOf(const JobNode& training) {
  const std::string schedule = training.spec["train"].value("lr_schedule", "");
  if (!schedule.starts_with("cosine")) return "";
  return "is compared before its rate has fallen (lr_schedule " + schedule +
         "), where a high rate looks worse than it is at the end; lr_schedule wsd or constant is "
         "fair to both";
}

namespace {

void Replace(const std::map<std::string, std::vector<JobNode>>& parts, Dag* dag) {
  std::vector<JobNode> jobs;
  for (JobNode& job : dag->jobs) {
    const auto divided = parts.find(job.name);
    if (divided == parts.end())
      jobs.push_back(std::move(job));
    else
      jobs.insert(jobs.end(), divided->second.begin(), divided->second.end());
  }
  dag->jobs = std::move(jobs);
}

// The parts are jobs of the variants whose training they are.
void NameParts(const std::string& training, size_t rungs, Dag* dag) {
  for (PlannedVariant& variant : dag->variants) {
    const auto made = variant.jobs.find(training);
    if (made == variant.jobs.end()) continue;
    const std::string name = made->second;
    for (size_t i = 1; i < rungs; ++i) {
      const std::string rung = Format("@rung_%zu", i);
      variant.jobs[training + rung] = name + rung;
    }
  }
}

}  // namespace

std::vector<JobNode> DivideTraining(const JobNode& training, const std::string& model,
                                    const std::vector<PlannedRung>& rungs, int64_t trial) {
  std::vector<JobNode> parts;
  for (size_t i = 0; i < rungs.size(); ++i) {
    JobNode part = training;
    part.rung = {model, static_cast<int64_t>(i) + 1, trial, i == 0 ? 0 : rungs[i].trials};
    part.estimate = PartOf(training.estimate, i == 0 ? 0 : rungs[i - 1].share, rungs[i].share);
    if (i + 1 < rungs.size()) {
      part.name += Format("@rung_%zu", i + 1);
      part.spec["until"] = rungs[i].share;
    }
    if (i > 0) part.inputs[role::kRung] = {parts.back().name, role::kModel, "", ""};
    LinkParents(&part);
    parts.push_back(std::move(part));
  }
  return parts;
}

spec::ReportedHalving ForReport(const std::string& model, const std::vector<PlannedRung>& rungs) {
  spec::ReportedHalving halving;
  halving.model = model;
  for (const PlannedRung& rung : rungs) halving.rungs.push_back({rung.share, rung.trials});
  return halving;
}

Result<std::vector<spec::ReportedHalving>> AddRungs(const Recipe& recipe, Dag* dag) {
  std::vector<spec::ReportedHalving> all;
  for (const std::string& model : recipe.sweep.models) {
    const std::vector<Trial> trials = TrialsOf(*dag, TrainingOf(recipe, model));
    if (trials.size() < 2) {
      return InvalidArgument("sweep.models: the training of " + model +
                             " is the same under all settings, so that there is nothing to "
                             "compare; vary a field that it depends on, or leave it out");
    }
    BRAID_ASSIGN_OR_RETURN(const std::vector<PlannedRung> rungs,
                           PlanRungs(recipe.sweep, static_cast<int64_t>(trials.size())));
    spec::ReportedHalving halving = ForReport(model, rungs);
    std::map<std::string, const JobNode*> by_name;
    for (const JobNode& job : dag->jobs) by_name[job.name] = &job;
    std::map<std::string, std::vector<JobNode>> parts;
    for (size_t i = 0; i < trials.size(); ++i) {
      for (const std::string& job : trials[i].jobs)
        parts[job] = DivideTraining(*by_name.at(job), model, rungs, static_cast<int64_t>(i));
      halving.trials.push_back({trials[i].name, trials[i].jobs});
    }
    for (const Trial& trial : trials) {
      const std::string& job = trial.jobs.front();
      const std::string text = CautionOf(*by_name.at(job));
      if (text.empty()) continue;
      // One is enough: the others differ from it in what is varied.
      dag->cautions.push_back({job, text});
      break;
    }
    Replace(parts, dag);
    NameParts(TrainingOf(recipe, model), rungs.size(), dag);
    all.push_back(std::move(halving));
  }
  return all;
}

std::map<std::string, double> RunShares(const Dag& dag) {
  std::map<std::string, std::set<int64_t>> trials;  // of each model
  for (const JobNode& job : dag.jobs) trials[job.rung.model].insert(job.rung.trial);
  std::map<std::string, double> shares;
  for (const JobNode& job : dag.jobs) {
    if (job.rung.number <= 1) continue;
    const auto all = static_cast<int64_t>(trials.at(job.rung.model).size());
    shares[job.name] = static_cast<double>(std::min(job.rung.keep, all)) / static_cast<double>(all);
  }
  return shares;
}

}  // namespace braid::recipe
