#include "merge/merge_job.h"

#include "base/file.h"
#include "base/text.h"
#include "merge/writer.h"

namespace braid::merge {
namespace {

// The composite as the recipe wants it; what the tokenizer decides comes from the parents.
Result<model::ModelSpec> ResolveModel(Json json, const std::vector<Parent>& parents) {
  if (!json.is_object()) return InvalidArgument("spec.model: expected an object");
  const model::ModelSpec& first = parents.front().spec;
  if (json.value("vocab", int64_t{0}) == 0) {
    json["vocab"] = first.vocab;
    json["pad_id"] = first.pad_id;
    json["eos_id"] = first.eos_id;
  }
  if (json.value("tokenizer", "").empty()) json["tokenizer"] = first.tokenizer;
  return model::FromJson(json, "spec.model");
}

}  // namespace

std::string AccountMarkdown(const Json& account) {
  std::string text = "# Merge account: " + account["model"]["name"].get<std::string>() + "\n\n";
  text += Format("Seed %lld, %s parameters. Every slice was read back and is bit-equal to its parent.\n\n",
                 (long long)account["seed"].get<int64_t>(), FormatCount(account["parameters"].get<double>()).c_str());
  text += "| tensor | shape | from | SHA-256 |\n|---|---|---|---|\n";
  for (const Json& tensor : account["tensors"]) {
    std::vector<std::string> sources;
    for (const Json& source : tensor["sources"]) {
      sources.push_back(source["parent"].get<std::string>() + " `" + source["tensor"].get<std::string>() + "`");
    }
    text += "| `" + tensor["name"].get<std::string>() + "` | " + tensor["shape"].dump() + " | " +
            (sources.empty() ? "new" : Join(sources, ", ")) + " | " + tensor.value("sha256", "").substr(0, 16) + " |\n";
  }
  for (const Json& dropped : account["dropped"]) {
    text += "\nDropped: " + dropped["parent"].get<std::string>() + " `" + dropped["tensor"].get<std::string>() + "`";
  }
  return text + "\n";
}

Status RunMergeJob(const task::Task& task, task::Channel& channel) {
  JsonReader read(task.spec, "spec");
  const Json& model = read.RequireObject("model");
  const int64_t seed = read.Int("seed", 42);
  const std::vector<std::string> names = read.Strings("parents");
  BRAID_RETURN_IF_ERROR(read.Finish());
  if (names.size() < 2) return InvalidArgument("spec.parents: must name at least two");
  std::vector<Parent> parents;
  std::vector<std::string> folders;
  for (const std::string& name : names) {
    BRAID_ASSIGN_OR_RETURN(const std::string folder, task.Input("parent." + name));
    BRAID_ASSIGN_OR_RETURN(Parent parent, ReadParent(name, folder));
    parents.push_back(std::move(parent));
    folders.push_back(folder);
  }
  // The check of the parents against one another comes first: its messages say what to do.
  BRAID_RETURN_IF_ERROR(CompositeOf(parents, "composite", "share").status());
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec composite, ResolveModel(model, parents));
  BRAID_ASSIGN_OR_RETURN(const MergePlan plan, PlanMerge(parents, composite, static_cast<uint64_t>(seed)));
  const std::string folder = JoinPath(task.output, "model");
  BRAID_RETURN_IF_ERROR(WriteComposite(plan, folders, folder, [&](int64_t done, int64_t total) {
    channel.Progress("merging", "tensors", done, total);
  }));
  BRAID_ASSIGN_OR_RETURN(const Json account, ProveComposite(plan, folders, folder));
  const std::string report = JoinPath(task.output, "merge");
  BRAID_RETURN_IF_ERROR(MakeFolder(report));
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(report, "merge.json"), account));
  BRAID_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(report, "merge.md"), AccountMarkdown(account)));
  const Json summary = {{"model", composite.name}, {"parameters", account["parameters"]}, {"parents", names}};
  channel.AddOutput("model", "checkpoint", "model", {{"step", 0}, {"tokens", 0}, {"model", composite.name},
                                                     {"parameters", account["parameters"]}});
  channel.AddOutput("merge", "merge", "merge", summary);
  channel.Succeed(summary);
  return OkStatus();
}

}  // namespace braid::merge
