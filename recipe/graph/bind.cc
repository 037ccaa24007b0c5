#include "recipe/graph/bind.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "task/artifact.h"
#include "task/binding.h"
#include "task/job_kind.h"

namespace braid::recipe {
namespace {

using task::Binding;
using task::JobKind;

// Why something is at a site and nowhere else: what it is, for messages, and the corpora from which
// that follows.
struct Reason {
  std::string what;
  std::set<std::string> corpora;
};

// The corpora that a `tokenizer` or `prepare` job reads in place at its site.
std::vector<const Corpus*> ReadInPlace(const Recipe& recipe, const JobNode& job) {
  std::vector<const Corpus*> corpora;
  for (const Corpus& corpus : recipe.corpora) {
    const bool prepared = job.name == task::JobName(JobKind::kPrepare, corpus.name);
    const bool trained_on = IsKind(job.kind, JobKind::kTokenizer) &&
                            std::count(recipe.tokenizer_corpora.begin(),
                                       recipe.tokenizer_corpora.end(), corpus.name) > 0;
    if (!corpus.site.empty() && (prepared || trained_on)) corpora.push_back(&corpus);
  }
  return corpora;
}

std::string ListOf(const std::set<std::string>& corpora) {
  return Join({corpora.begin(), corpora.end()}, ", ");
}

class Binder {
 public:
  Binder(const Recipe& recipe, Dag* dag) : recipe_(recipe), dag_(dag) {}

  void Run() {
    for (JobNode& job : dag_->jobs) {
      const bool possible = std::none_of(
          job.parents.begin(), job.parents.end(),
          [&](const std::string& parent) { return refused_.contains(parent); });
      if (possible) Bind(&job);
      // What needs a refused job is not reported, too: one mistake would have many lines.
      if (!possible) refused_.insert(job.name);
      made_[job.name] = &job;
    }
  }

 private:
  // By the site, why the job has to run there.
  using Demands = std::map<std::string, Reason>;

  void Bind(JobNode* job) {
    Demands demands;
    std::set<std::string>& corpora = corpora_[job->name];
    for (const Corpus* corpus : ReadInPlace(recipe_, *job))
      demands[corpus->site] = {"the text of " + corpus->name, {corpus->name}};
    job->binding = BindingOfText(*job, &corpora);
    for (const auto& [role, input] : job->inputs) {
      const auto maker = made_.find(input.job);
      if (maker == made_.end() || !task::Stays(maker->second->binding, input.role)) continue;
      const std::set<std::string>& from = corpora_.at(input.job);
      Reason& reason = demands[maker->second->site];
      if (reason.what.empty()) reason.what = input.role + " of " + input.job;
      reason.corpora.insert(from.begin(), from.end());
      corpora.insert(from.begin(), from.end());
      if (maker->second->binding == Binding::kOutputs)
        job->binding = Binding::kOutputs;
      else if (job->binding == Binding::kNothing)
        job->binding = Binding::kInputs;
    }
    if (demands.size() > 1) return Refuse(*job, demands);
    if (!demands.empty()) job->site = demands.begin()->first;
    if (IsKind(job->kind, JobKind::kExport) && job->binding == Binding::kOutputs)
      return RefuseExport(*job);
    if (IsKind(job->kind, JobKind::kTokenizer) && job->binding == Binding::kNothing &&
        !corpora.empty())
      Warn(*job);
  }

  // What follows from the text that the job reads in place. Adds the bound corpora among it.
  Binding BindingOfText(const JobNode& job, std::set<std::string>* corpora) const {
    Binding binding = Binding::kNothing;
    for (const Corpus* corpus : ReadInPlace(recipe_, job)) {
      if (!corpus->bind) continue;
      corpora->insert(corpus->name);
      if (*corpus->bind == spec::Bind::kAll) return Binding::kOutputs;
      if (IsKind(job.kind, JobKind::kPrepare)) binding = Binding::kShards;
    }
    return binding;
  }

  void Refuse(const JobNode& job, const Demands& demands) {
    const auto& [here, one] = *demands.begin();
    const auto& [there, other] = *std::next(demands.begin());
    refused_.insert(job.name);
    dag_->refusals.push_back({job.name, "corpora." + *one.corpora.begin() + ".bind",
                              recipe_.FindCorpus(*one.corpora.begin())->line,
                              "job " + job.name + " could run nowhere: it reads " + one.what +
                                  ", which is at site " + here + " (corpus " + ListOf(one.corpora) +
                                  "), and " + other.what + ", which is at site " + there +
                                  " (corpus " + ListOf(other.corpora) + "). " + Advice(job)});
  }

  // What helps is another thing for each kind of job.
  static std::string Advice(const JobNode& job) {
    if (IsKind(job.kind, JobKind::kTrain)) {
      return "This training reads all text of each: leave the model out, or let one machine have "
             "both corpora";
    }
    if (IsKind(job.kind, JobKind::kPrepare)) {
      return "Give tokenizer.file, or train the tokenizer on corpora without bind: all "
             "(tokenizer.train.corpora)";
    }
    return "Write bind: paths, with which models and held-out text may leave, or give each site a "
           "recipe of its own";
  }

  void RefuseExport(const JobNode& job) {
    refused_.insert(job.name);
    dag_->refusals.push_back(
        {job.name, "export", 0,
         "job " + job.name +
             " would make a model for other programs that nobody could fetch: it "
             "is made of corpus " +
             ListOf(corpora_.at(job.name)) + ", all of which stays at site " + job.site +
             " (bind: all). Leave export out, or write bind: paths, with which models "
             "may leave"});
  }

  void Warn(const JobNode& job) {
    dag_->cautions.push_back(
        {job.name, "is trained on text of corpus " + ListOf(corpora_.at(job.name)) +
                       ", which is bound to site " + job.site +
                       ": its entries, words and parts of words of that text, leave the site; "
                       "tokenizer.file or tokenizer.train.corpora avoid that"});
  }

  const Recipe& recipe_;
  Dag* const dag_;
  std::map<std::string, const JobNode*> made_;  // by name; the graph does not grow meanwhile
  // By job: the bound corpora from which it is made.
  std::map<std::string, std::set<std::string>> corpora_;
  std::set<std::string> refused_;  // and what needs them
};

}  // namespace

void BindToSites(const Recipe& recipe, Dag* dag) {
  Binder(recipe, dag).Run();
}

Status CheckOneSplit(const Recipe& recipe) {
  const auto bound = std::find_if(
      recipe.corpora.begin(), recipe.corpora.end(),
      [](const Corpus& corpus) { return corpus.bind == spec::Bind::kPaths; });
  if (bound == recipe.corpora.end() || recipe.variants.empty()) return OkStatus();
  const Recipe& first = recipe.variants.front().recipe;
  for (const Variant& variant : recipe.variants) {
    const spec::Split &split = variant.recipe.split, &other = first.split;
    if (variant.recipe.TrainingSeed() == first.TrainingSeed() && split.paths == other.paths &&
        split.seed_model == other.seed_model && split.shuffle == other.shuffle)
      continue;
    return InvalidArgument(
        "corpora." + bound->name +
        ".bind: with paths, the text is divided in one way, and seeds or "
        "sweep divide it in several, so that what is bound in one would leave in another; write "
        "bind: all, or give each seed and split a recipe of its own");
  }
  return OkStatus();
}

}  // namespace braid::recipe
