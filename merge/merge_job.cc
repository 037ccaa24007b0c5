#include "merge/merge_job.h"

#include "base/file.h"
#include "merge/account.h"
#include "merge/composite.h"
#include "merge/writer.h"
#include "schema/read.h"
#include "spec/merge.h"
#include "storage/files/artifact_files.h"

namespace braid::merge {
namespace {

struct Sources {
  std::vector<Parent> parents;
  std::optional<Parent> base;
  std::vector<std::string> folders;  // of the parents, then of the base
};

Result<Sources> ReadSources(const task::Task& task, const spec::MergeTask& spec) {
  Sources sources;
  for (const std::string& name : spec.parents) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::Parent(name)));
    BRAID_ASSIGN_OR_RETURN(Parent parent, ReadParent(name, folder, spec.carry_optimizer));
    sources.parents.push_back(std::move(parent));
    sources.folders.push_back(folder);
  }
  if (!spec.base) return sources;
  BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input(task::role::kBase));
  BRAID_ASSIGN_OR_RETURN(sources.base, ReadParent("base", folder, spec.carry_optimizer));
  sources.folders.push_back(folder);
  return sources;
}

// The composite as the recipe wants it; what the tokenizer decides comes from the parents.
Result<model::ModelSpec> ResolveModel(Json json, const model::ModelSpec& first) {
  JsonReader read(json, "spec.model");
  const int64_t vocab = read.Int("vocab", 0);
  const std::string tokenizer = read.String("tokenizer", "");
  if (json.is_object() && vocab == 0) {
    json["vocab"] = first.vocab;
    json["pad_id"] = first.pad_id;
    json["eos_id"] = first.eos_id;
  }
  if (json.is_object() && tokenizer.empty()) json["tokenizer"] = first.tokenizer;
  return model::FromJson(json, "spec.model");
}

}  // namespace

Status RunMergeJob(const task::Task& task, task::Channel& channel) {
  BRAID_ASSIGN_OR_RETURN(const spec::MergeTask spec,
                         schema::FromJson<spec::MergeTask>(task.spec, "spec"));
  BRAID_ASSIGN_OR_RETURN(const Sources sources, ReadSources(task, spec));
  // The check of the parents against one another comes first: its messages say what to do.
  BRAID_RETURN_IF_ERROR(CheckParents(sources.parents, sources.base));
  const model::ModelSpec& first = sources.base ? sources.base->spec : sources.parents.front().spec;
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec composite, ResolveModel(spec.model, first));
  BRAID_ASSIGN_OR_RETURN(const MergePlan plan, PlanMerge(sources.parents, sources.base, composite,
                                                         {spec.seed, spec.carry_optimizer}));
  constexpr char kModelFolder[] = "model", kReportFolder[] = "merge";
  const std::string folder = JoinPath(task.output, kModelFolder);
  const auto threads = static_cast<size_t>(task.threads);
  channel.BeginPhase("merging");
  BRAID_RETURN_IF_ERROR(WriteComposite(
      plan, sources.folders, folder, threads,
      [&](int64_t done, int64_t total) { channel.Progress("merging", "tensors", done, total); }));
  channel.BeginPhase("verifying");
  BRAID_ASSIGN_OR_RETURN(const Json account,
                         VerifyComposite(plan, sources.folders, folder, threads));
  const std::string report = JoinPath(task.output, kReportFolder);
  BRAID_RETURN_IF_ERROR(MakeFolder(report));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(report, artifact_files::kMerge), account));
  BRAID_RETURN_IF_ERROR(
      WriteFileAtomic(JoinPath(report, artifact_files::kMergeText), AccountMarkdown(account)));
  const Json summary = {
      {"model", composite.name}, {"parameters", account["parameters"]}, {"parents", spec.parents}};
  channel.AddOutput(task::role::kModel, task::ArtifactKind::kCheckpoint, kModelFolder,
                    {{"step", 0},
                     {"tokens", 0},
                     {"model", composite.name},
                     {"parameters", account["parameters"]}});
  channel.AddOutput(task::role::kMerge, task::ArtifactKind::kMerge, kReportFolder, summary);
  channel.Succeed(summary);
  return OkStatus();
}

}  // namespace braid::merge
