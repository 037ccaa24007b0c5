#include "recipe/graph/share.h"

#include <algorithm>
#include <set>

#include "base/sha256.h"
#include "base/text.h"
#include "recipe/graph/merge_jobs.h"
#include "recipe/graph/rungs.h"
#include "schema/read.h"
#include "spec/data.h"
#include "spec/report.h"
#include "task/artifact.h"
#include "task/job_kind.h"

namespace braid::recipe {
namespace {

using task::IsKind;
using task::JobKind;
using task::JobName;
namespace role = task::role;

// Of a model's name with what its values add to it; longer ones have the number of their first
// variant instead.
constexpr size_t kMaxName = 64;

// A job of the run: the variants that have it.
struct Shared {
  // Its name in their graphs, and in the run.
  std::string base, name;
  std::vector<size_t> variants;
};

// The task without what its program does not read: a training on all of each corpus does not depend
// on how that is divided, and a seed model's not on where the part of the paths ends.
Json WhatIsRead(Json spec) {
  if (!spec.contains("data") || !spec["data"].contains("split")) return spec;
  Json& data = spec["data"];
  const auto reads_only = [&](spec::SplitPart part) {
    return std::all_of(data["sources"].begin(), data["sources"].end(), [&](const Json& one) {
      return one.value("share", "") == schema::NameOf(part);
    });
  };
  if (reads_only(spec::SplitPart::kAll)) data["split"].erase("seed_model");
  if (reads_only(spec::SplitPart::kAll) || reads_only(spec::SplitPart::kSeedModel))
    data["split"].erase("paths");
  return spec;
}

// The digest of all that decides what a job makes. `digests` has those of the jobs before it.
std::string DigestOf(const JobNode& job, const std::map<std::string, std::string>& digests) {
  Json inputs = Json::object();
  for (const auto& [role, input] : job.inputs) {
    inputs[role] = {input.job.empty() ? "" : digests.at(input.job), input.role, input.source,
                    input.artifact};
  }
  Json parents = Json::array();
  for (const std::string& parent : job.parents) parents.push_back(digests.at(parent));
  return Sha256Hex(Json{
      {"name", job.name},
      {"kind", job.kind},
      {"ranks", job.ranks},
      {"slots", job.slots},
      {"device", NameOf(job.device)},
      {"site", job.site},
      {"across_sites", job.across_sites},
      {"binding", NameOf(job.binding)},
      {"inputs", inputs},
      {"parents", parents},
      {"spec", WhatIsRead(job.spec)},
  }
                       .dump());
}

// The values that all variants of a job have in common, of the axes that have several values. A job
// that does not depend on an axis is that of variants with different values of it.
SweptValues InCommon(const Recipe& recipe, const std::vector<size_t>& variants) {
  const auto all_have = [](const SweptValue& value, const auto& some) {
    return std::all_of(some.begin(), some.end(), [&](const Variant* variant) {
      return std::any_of(
          variant->values.begin(), variant->values.end(),
          [&](const SweptValue& one) { return one.axis == value.axis && one.text == value.text; });
    });
  };
  std::vector<const Variant*> of_job, of_run;
  for (const size_t at : variants) of_job.push_back(&recipe.variants[at]);
  for (const Variant& variant : recipe.variants) of_run.push_back(&variant);
  SweptValues common;
  for (const SweptValue& value : of_job.front()->values) {
    if (all_have(value, of_job) && !all_have(value, of_run)) common.push_back(value);
  }
  return common;
}

// "evaluate:c@start" with "lr_3e-3" is "evaluate:c-lr_3e-3@start".
std::string WithSuffix(const std::string& job, const std::string& suffix) {
  const size_t at = std::min(job.find('@'), job.size());
  return job.substr(0, at) + "-" + suffix + job.substr(at);
}

// The name without the kind: of what the job is about.
std::string OwnerOf(const std::string& job) {
  const size_t colon = job.find(':');
  return colon == std::string::npos ? job : job.substr(colon + 1);
}

class Sharer {
 public:
  Sharer(const Recipe& recipe, std::vector<Dag> graphs)
      : recipe_(recipe), graphs_(std::move(graphs)) {}

  Result<Dag> Run() {
    dag_.run = recipe_.run;
    BRAID_RETURN_IF_ERROR(Sources());
    for (size_t i = 0; i < graphs_.size(); ++i) {
      dag_.variants.push_back({recipe_.variants[i].name, recipe_.variants[i].values, {}});
      Find(i);
    }
    for (const std::string& digest : order_) Name(&shared_.at(digest));
    for (const std::string& digest : order_) Add(shared_.at(digest));
    for (const auto& [digest, job] : shared_) variants_of_[job.name] = job.variants;
    for (JobNode& job : dag_.jobs) named_[job.name] = &job;
    AddTrainedBefore();
    for (size_t i = 0; i < graphs_.size(); ++i) BRAID_RETURN_IF_ERROR(AddStarts(i));
    BRAID_ASSIGN_OR_RETURN(const std::vector<spec::ReportedHalving> compared,
                           AddRungs(recipe_, &dag_));
    halvings_.insert(halvings_.end(), compared.begin(), compared.end());
    Report();
    return std::move(dag_);
  }

 private:
  // Every variant reads the same files: a source has one name in the submission.
  Status Sources() {
    for (const Dag& graph : graphs_) {
      for (const Source& source : graph.sources) {
        const auto there = std::find_if(
            dag_.sources.begin(), dag_.sources.end(),
            [&](const Source& one) { return one.name() == source.name(); });
        if (there == dag_.sources.end()) {
          dag_.sources.push_back(source);
        } else if (there->files != source.files) {
          return InvalidArgument("sweep: variants read different files as " + source.name() + " (" +
                                 Join(there->files, ", ") + " and " + Join(source.files, ", ") +
                                 "); give each a model or corpus of its own, or a recipe");
        }
      }
    }
    return OkStatus();
  }

  // Which shared job each job of a variant is; the report is made anew.
  void Find(size_t variant) {
    std::map<std::string, std::string> digests;
    for (const JobNode& job : graphs_[variant].jobs) {
      if (IsKind(job.kind, JobKind::kReport)) continue;
      const std::string digest = DigestOf(job, digests);
      digests[job.name] = digest;
      const auto [there, is_new] = shared_.try_emplace(digest, Shared{job.name, "", {}});
      if (is_new) order_.push_back(digest);
      there->second.variants.push_back(variant);
    }
  }

  void Name(Shared* job) {
    const SweptValues common = InCommon(recipe_, job->variants);
    job->name = job->base;
    if (job->variants.size() < recipe_.variants.size() && !common.empty()) {
      job->name = WithSuffix(job->base, SuffixOf(common));
      // The parts of a training ("@rung_1") are named like their training.
      if (OwnerOf(job->name.substr(0, job->name.find('@'))).size() > kMaxName)
        job->name = WithSuffix(job->base, Format("v%zu", job->variants.front() + 1));
    }
    // Two values may be written alike in names, and a recipe may use such a name itself.
    const std::string wanted = job->name;
    for (int n = 2; !names_.insert(job->name).second; ++n)
      job->name = WithSuffix(wanted, std::to_string(n));
    for (const size_t variant : job->variants) dag_.variants[variant].jobs[job->base] = job->name;
  }

  // Adds the job with the names that it and those before it have in the run.
  void Add(const Shared& shared) {
    const size_t first = shared.variants.front();
    const Dag& graph = graphs_[first];
    const std::map<std::string, std::string>& names = dag_.variants[first].jobs;
    JobNode job = *graph.Find(shared.base);
    job.name = shared.name;
    for (std::string& parent : job.parents) parent = names.at(parent);
    std::sort(job.parents.begin(), job.parents.end());
    for (auto& [role, input] : job.inputs) {
      if (!input.job.empty()) input.job = names.at(input.job);
    }
    if (job.spec.contains("card")) Describe(InCommon(recipe_, shared.variants), &job.spec["card"]);
    for (const PlannedModel& model : graph.models) {
      if (model.job != shared.base) continue;
      dag_.models.push_back(model);
      dag_.models.back().name = OwnerOf(shared.name);
      dag_.models.back().job = shared.name;
    }
    for (const Caution& caution : graph.cautions) {
      if (caution.job == shared.base) dag_.cautions.push_back({shared.name, caution.text});
    }
    for (const Refusal& refusal : graph.refusals) {
      if (refusal.job == shared.base)
        dag_.refusals.push_back({shared.name, refusal.field, refusal.line, refusal.text});
    }
    dag_.jobs.push_back(std::move(job));
  }

  // The card of a model says which of the variants it is of.
  void Describe(const SweptValues& values, Json* card) const {
    (*card)["recipe"] = recipe_.text;
    std::vector<std::string> texts;
    for (const SweptValue& value : values) texts.push_back(value.axis + " = " + value.text);
    if (texts.empty()) return;
    (*card)["summary"] = (*card)["summary"].get<std::string>() + " Of the sweep it has " +
                         Join(texts, ", ") + ".";
  }

  // A model that no job trains is one model, whichever variants have it.
  void AddTrainedBefore() {
    std::set<std::string> seen;
    for (const Dag& graph : graphs_) {
      for (const PlannedModel& model : graph.models) {
        if (model.job.empty() && seen.insert(model.name).second) dag_.models.push_back(model);
      }
    }
  }

  // Starts of a composite are compared within the variants that share them, under a name that says
  // which these are.
  Status AddStarts(size_t variant) {
    for (spec::ReportedHalving halving : TaskOf(variant).halvings) {
      const std::string base = halving.model;
      std::vector<JobNode*> jobs;
      for (spec::ReportedTrial& trial : halving.trials) {
        for (std::string& job : trial.jobs) {
          const std::string own = job;
          job = dag_.variants[variant].jobs.at(own);
          for (const std::string& part : {own + "@rung_1", own})
            jobs.push_back(named_.at(dag_.variants[variant].jobs.at(part)));
        }
      }
      const std::vector<size_t>& variants = variants_of_.at(jobs.front()->name);
      for (const JobNode* job : jobs) {
        if (variants_of_.at(job->name) == variants) continue;
        return InvalidArgument("sweep.over: a field varies of one start of composite " + base +
                               " alone, so that its starts cannot be compared (start: auto); name "
                               "its values as starts");
      }
      if (variants.front() != variant) continue;  // seen with the first of them
      const std::string suffix = SuffixOf(InCommon(recipe_, variants));
      if (variants.size() < recipe_.variants.size() && !suffix.empty())
        halving.model += "-" + suffix;
      for (const spec::ReportedHalving& other : halvings_) {
        if (other.model != halving.model) continue;
        halving.model += Format("-v%zu", variant + 1);
        break;
      }
      for (JobNode* job : jobs) job->rung.model = halving.model;
      halvings_.push_back(std::move(halving));
    }
    return OkStatus();
  }

  spec::ReportTask TaskOf(size_t variant) const {
    const JobNode* report = graphs_[variant].Find(NameOf(JobKind::kReport));
    // The task was written by Expand, so that it can be read.
    return schema::FromJson<spec::ReportTask>(report->spec, "spec").value();
  }

  // The report of the first variant, with the others beside it.
  void Report() {
    JobNode job = *graphs_.front().Find(NameOf(JobKind::kReport));
    job.inputs.clear();
    job.parents.clear();
    spec::ReportTask task = TaskOf(0);
    task.recipe = recipe_.text;
    task.sweep.emplace();
    for (const SweepAxis& axis : recipe_.sweep.axes) task.sweep->axes.push_back(axis.name);
    task.halvings = halvings_;
    const Json models = schema::ToJson(task)["models"];
    for (size_t i = 0; i < graphs_.size(); ++i) {
      spec::ReportedVariant& variant = task.sweep->variants.emplace_back();
      variant.name = dag_.variants[i].name;
      for (const SweptValue& value : dag_.variants[i].values)
        variant.values[value.axis] = value.text;
      for (const auto& [own, name] : dag_.variants[i].jobs) {
        if (own != name) variant.jobs[own] = name;
      }
      const spec::ReportTask own = TaskOf(i);
      if (schema::ToJson(own)["models"] != models) variant.models = own.models;
      AddInputs(i, &job);
    }
    job.spec = schema::ToJson(task);
    LinkParents(&job);
    dag_.jobs.push_back(std::move(job));
  }

  // What the variant's own report waits for and reads, under the names of the run.
  void AddInputs(size_t variant, JobNode* job) const {
    const std::map<std::string, std::string>& names = dag_.variants[variant].jobs;
    const JobNode& report = *graphs_[variant].Find(NameOf(JobKind::kReport));
    for (const std::string& parent : report.parents) job->parents.push_back(names.at(parent));
    for (const auto& [own, input] : report.inputs) {
      const std::string& maker = names.at(input.job);
      const std::string kind = own.substr(0, own.find('.') + 1);
      // A history is called as its job, the others as what their jobs are about.
      const bool history = own.starts_with(role::History(""));
      job->inputs[kind + (history ? maker : OwnerOf(maker))] = {maker, input.role, "", ""};
    }
  }

  const Recipe& recipe_;
  const std::vector<Dag> graphs_;
  Dag dag_;
  std::map<std::string, Shared> shared_;  // by digest
  std::vector<std::string> order_;        // digests: parents before children
  std::set<std::string> names_;
  std::vector<spec::ReportedHalving> halvings_;
  std::map<std::string, std::vector<size_t>> variants_of_;  // by the name of a job in the run
  std::map<std::string, JobNode*> named_;                   // good until jobs are added
};

}  // namespace

Result<Dag> Share(const Recipe& recipe, std::vector<Dag> graphs) {
  return Sharer(recipe, std::move(graphs)).Run();
}

}  // namespace braid::recipe
