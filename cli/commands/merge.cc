// braid merge plan, braid merge start.
#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/random.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/follow_run.h"
#include "cli/shared/print.h"
#include "merge/account.h"
#include "merge/request.h"

namespace braid::cli {
namespace {

// The options of both subcommands. An empty or absent one leaves the choice to the service.
struct MergeFlags {
  merge::MergeRequest merge;
  int64_t seed = 42;
  std::map<std::string, std::string> options;  // of the connection
  std::vector<std::string> data, tags;
  std::string joint;
  std::optional<double> split_paths;
  std::string split_unit, split_shuffle, loss_average;
  int32_t priority = 0;
  bool watch = false;
};

// A folder, also as NAME=FOLDER.
bool NamesFolder(const std::string& parent) {
  return IsFolder(parent) || IsFolder(parent.substr(parent.find('=') + 1));
}

Result<merge::MergeRequest> RequestOf(const MergeFlags& flags) {
  merge::MergeRequest request = flags.merge;
  request.seed = static_cast<uint64_t>(flags.seed);
  BRAID_ASSIGN_OR_RETURN(request.connect,
                         merge::ConnectionText(flags.merge.connect, flags.options));
  return request;
}

// Into either request of the service: the fields that both have.
template <typename Request>
void Fill(const merge::MergeRequest& merge, Request* request) {
  for (const std::string& parent : merge.parents) request->add_parents(parent);
  for (const std::string& path : merge.drop) request->add_drop(path);
  request->set_connect(merge.connect);
  request->set_seed(static_cast<int64_t>(merge.seed));
  request->set_base(merge.base);
  request->set_carry_optimizer(merge.carry_optimizer);
}

void Print(const Globals& globals, const v1::PlanMergeResponse& response) {
  if (globals.json()) return PrintJson(globals, response);
  std::fputs(response.text().c_str(), stdout);
}

// Folders are planned here, artifacts by the coordinator; neither writes anything.
Result<int> PlanFolders(const Globals& globals, const merge::MergeRequest& request) {
  BRAID_ASSIGN_OR_RETURN(const merge::PlannedMerge merge,
                         merge::PlanRequest(request, merge::ReadParent));
  v1::PlanMergeResponse response;  // as the coordinator answers
  response.set_model_json(model::ToJson(merge.plan.model).dump());
  response.set_tensor_map_json(merge::ToJson(merge.plan).dump());
  response.set_text(merge::ToText(merge.plan));
  Print(globals, response);
  return kOkExit;
}

Result<int> Plan(const Globals& globals, const MergeFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(const merge::MergeRequest merge, RequestOf(flags));
  std::vector<std::string> sources = merge.parents;
  if (!merge.base.empty()) sources.push_back(merge.base);
  if (merge.base.empty() && sources.size() < 2)
    return InvalidArgument(
        "a merge needs at least two parents, or a --base: name two checkpoints, as "
        "artifacts (braid artifact list --kind checkpoint) or folders");
  const auto folders = static_cast<size_t>(
      std::count_if(sources.begin(), sources.end(), NamesFolder));
  if (folders > 0 && folders == sources.size()) return PlanFolders(globals, merge);
  // No program could read both: the coordinator has no access to folders of this machine.
  if (folders > 0)
    return InvalidArgument(
        "the parents are partly folders and partly artifacts; put the folders first: braid "
        "artifact put FOLDER");
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::PlanMergeRequest request;
  Fill(merge, &request);
  BRAID_ASSIGN_OR_RETURN(
      const v1::PlanMergeResponse response,
      (client.Call<v1::PlanMergeResponse>(&v1::Merges::Stub::PlanMerge, client.merges(), request)));
  Print(globals, response);
  return kOkExit;
}

Result<int> Start(const Globals& globals, const MergeFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(const merge::MergeRequest merge, RequestOf(flags));
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::StartMergeRequest request;
  Fill(merge, &request);
  request.set_name(merge.name);
  for (const std::string& item : flags.data) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos)
      return InvalidArgument("--data " + item +
                             ": expected CORPUS=ARTIFACT, with an artifact of shards: braid "
                             "artifact list --kind shards shows those");
    (*request.mutable_data())[item.substr(0, equals)] = item.substr(equals + 1);
  }
  request.set_joint(flags.joint);
  // The option takes the settings themselves or a file with them.
  if (!flags.joint.empty() && PathExists(flags.joint)) {
    BRAID_ASSIGN_OR_RETURN(*request.mutable_joint(), ReadFile(flags.joint));
  }
  if (flags.split_paths.has_value()) request.set_split_paths(*flags.split_paths);
  request.set_split_unit(flags.split_unit);
  request.set_split_shuffle(flags.split_shuffle);
  request.set_loss_average(flags.loss_average);
  request.set_priority(flags.priority);
  for (const std::string& tag : flags.tags) request.add_tags(tag);
  request.set_user(UserName());
  // gRPC may send the call again after a lost connection; the id keeps that from starting a second
  // run.
  request.set_request_id(RandomUuid());
  BRAID_ASSIGN_OR_RETURN(
      v1::Run run, (client.Call<v1::Run>(&v1::Merges::Stub::StartMerge, client.merges(), request)));
  if (flags.watch) {
    BRAID_ASSIGN_OR_RETURN(run, FollowRun(client, run.id()));
  }
  if (globals.json()) {
    PrintJson(globals, run);
  } else {
    std::printf("%s\n", run.id().c_str());
  }
  return flags.watch ? ExitCodeOf(run) : kOkExit;
}

void AddFlags(CLI::App* sub, const std::shared_ptr<MergeFlags>& flags) {
  merge::MergeRequest& merge = flags->merge;
  sub->add_option("parents", merge.parents,
                  "checkpoints, in the order of their slices: artifact ids (or folders, for plan), "
                  "also NAME=ID")
      ->type_name(kModelValue)
      ->expected(0, 64);
  sub->add_option("--connect", merge.connect,
                  "share, routed or slice, or the connection as JSON [share, or as the base]");
  for (const merge::ConnectionOption& option : merge::ConnectionOptions()) {
    const std::string name = option.name;
    if (option.value) {
      sub->add_option_function<std::string>(
          "--" + name, [flags, name](const std::string& value) { flags->options[name] = value; },
          option.help);
    } else {
      sub->add_flag_callback(
          "--" + name, [flags, name] { flags->options[name] = ""; }, option.help);
    }
  }
  sub->add_option(
         "--base", merge.base,
         "a composite whose paths are swapped (a parent of the same name), added and dropped")
      ->type_name(kModelValue);
  sub->add_option("--drop", merge.drop, "paths of the base to leave out")
      ->delimiter(',')
      ->allow_extra_args(false);
  sub->add_flag("--carry-optimizer", merge.carry_optimizer,
                "begin with the optimizer's state of the parents");
  sub->add_option("--seed", flags->seed, "of the new tensors")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sub->add_option("--name", merge.name, "of the composite")->capture_default_str();
}

}  // namespace

void RegisterMerge(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand(
      "merge", "Lay trained paths side by side into a composite");
  command->require_subcommand(1);
  auto flags = std::make_shared<MergeFlags>();
  flags->merge.name = "merge";
  CLI::App* plan = command->add_subcommand("plan",
                                           "Where every tensor would come from; writes nothing");
  AddFlags(plan, flags);
  plan->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Plan(globals, *flags); };
  });
  CLI::App* start = command->add_subcommand(
      "start", "Merge artifacts in the store, prove the result; prints the run's id");
  AddFlags(start, flags);
  start->add_option("--data", flags->data,
                    "CORPUS=ARTIFACT of shards for the gate (may be repeated)");
  start->add_option(
      "--joint", flags->joint,
      "train on together: a recipe's joint section, \"{ranks: 2, epochs: 1}\", or a file with one");
  start->add_option("--split-paths", flags->split_paths,
                    "share of each corpus that its path was trained on, as split.paths of the "
                    "recipe; the joint phase takes the rest [0.6]");
  start->add_option("--split-unit", flags->split_unit, "chunk or document, as split.unit [chunk]");
  start->add_option("--split-shuffle", flags->split_shuffle,
                    "documents or groups, as split.shuffle [documents]");
  start->add_option("--loss-average", flags->loss_average,
                    "token_mean or batch_mean, as eval.loss_average [token_mean]");
  start
      ->add_option("--priority", flags->priority,
                   "its jobs go before those of runs with a lower one")
      ->check(CLI::Range(-1000, 1000))
      ->capture_default_str();
  start->add_option("--tag", flags->tags, "a word by which the run is found (may be repeated)")
      ->allow_extra_args(false);
  start->add_flag("--watch", flags->watch, "follow the run and exit as it does");
  start->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Start(globals, *flags); };
  });
}

}  // namespace braid::cli
