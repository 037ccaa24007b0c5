// braid merge plan, braid merge start.
#include <cstdio>

#include "base/file.h"
#include "base/random.h"
#include "cli/command.h"
#include "merge/plan.h"

namespace braid::cli {
namespace {

struct MergeFlags {
  std::vector<std::string> parents;
  std::string connect = "share";
  std::string name = "merge";
  int64_t seed = 42;
  std::vector<std::string> data;
  bool watch = false;
};

// Folders are planned here, artifacts by the coordinator; neither writes anything.
Result<int> PlanFolders(const Globals& globals, const MergeFlags& flags) {
  std::vector<merge::Parent> parents;
  for (size_t i = 0; i < flags.parents.size(); ++i) {
    BRAID_ASSIGN_OR_RETURN(merge::Parent parent, merge::ReadParent("path_" + std::to_string(i + 1), flags.parents[i]));
    parents.push_back(std::move(parent));
  }
  BRAID_ASSIGN_OR_RETURN(const model::ModelSpec composite, merge::CompositeOf(parents, flags.name, flags.connect));
  BRAID_ASSIGN_OR_RETURN(const merge::MergePlan plan, merge::PlanMerge(parents, composite, static_cast<uint64_t>(flags.seed)));
  std::fputs(globals.json() ? DumpJson(merge::ToJson(plan)).c_str() : merge::ToText(plan).c_str(), stdout);
  return kOkExit;
}

Result<int> Plan(const Globals& globals, const MergeFlags& flags) {
  size_t folders = 0;
  for (const std::string& parent : flags.parents) folders += IsFolder(parent) ? 1 : 0;
  if (folders == flags.parents.size()) return PlanFolders(globals, flags);
  if (folders > 0) return InvalidArgument("the parents are partly folders and partly artifacts; put the folders first: braid artifact put FOLDER");
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::PlanMergeRequest request;
  for (const std::string& parent : flags.parents) request.add_parents(parent);
  request.set_connect(flags.connect);
  request.set_seed(flags.seed);
  BRAID_ASSIGN_OR_RETURN(const v1::PlanMergeResponse response,
                         (client.Call<v1::PlanMergeResponse>(&v1::Merges::Stub::PlanMerge, client.merges(), request)));
  if (globals.json()) return PrintJson(response), kOkExit;
  std::fputs(response.text().c_str(), stdout);
  return kOkExit;
}

Result<int> Start(const Globals& globals, const MergeFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::StartMergeRequest request;
  for (const std::string& parent : flags.parents) request.add_parents(parent);
  request.set_connect(flags.connect);
  request.set_seed(flags.seed);
  request.set_name(flags.name);
  for (const std::string& item : flags.data) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos) return InvalidArgument("--data " + item + ": expected CORPUS=ARTIFACT");
    (*request.mutable_data())[item.substr(0, equals)] = item.substr(equals + 1);
  }
  request.set_request_id(RandomUuid());
  BRAID_ASSIGN_OR_RETURN(v1::Run run, (client.Call<v1::Run>(&v1::Merges::Stub::StartMerge, client.merges(), request)));
  if (flags.watch) {
    BRAID_ASSIGN_OR_RETURN(run, FollowRun(client, run.id()));
  }
  if (globals.json()) {
    PrintJson(run);
  } else {
    std::printf("%s\n", run.id().c_str());
  }
  return flags.watch ? ExitCodeOf(run) : kOkExit;
}

}  // namespace

void RegisterMerge(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("merge", "Lay trained paths side by side into a composite");
  command->require_subcommand(1);
  auto flags = std::make_shared<MergeFlags>();
  const auto common = [&](CLI::App* sub) {
    sub->add_option("parents", flags->parents, "checkpoints, in the order of their slices: artifact ids (or folders, for plan)")->required()->expected(2, 64);
    sub->add_option("--connect", flags->connect)->capture_default_str();
    sub->add_option("--seed", flags->seed, "of the new tensors")->capture_default_str();
    sub->add_option("--name", flags->name, "of the composite")->capture_default_str();
  };
  CLI::App* plan = command->add_subcommand("plan", "Where every tensor would come from; writes nothing");
  common(plan);
  plan->callback([registry, flags] { registry.chosen = [&globals = registry.globals, flags] { return Plan(globals, *flags); }; });
  CLI::App* start = command->add_subcommand("start", "Merge artifacts in the store, prove the result; prints the run's id");
  common(start);
  start->add_option("--data", flags->data, "CORPUS=ARTIFACT of shards for the gate (may be repeated)");
  start->add_flag("--watch", flags->watch, "follow the run and exit as it does");
  start->callback([registry, flags] { registry.chosen = [&globals = registry.globals, flags] { return Start(globals, *flags); }; });
}

}  // namespace braid::cli
