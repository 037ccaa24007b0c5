// braid run delete, braid run tag.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/random.h"
#include "base/text.h"
#include "braid/v1/keeping.grpc.pb.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/print.h"

namespace braid::cli {
namespace {

Result<v1::DeleteRunResponse> Call(Client& client, const std::string& run, bool validate_only) {
  v1::DeleteRunRequest request;
  request.set_id(run);
  request.set_validate_only(validate_only);
  if (!validate_only) request.set_request_id(RandomUuid());
  return client.Call<v1::DeleteRunResponse>(&v1::Keeping::Stub::DeleteRun, client.keeping(),
                                            request, 120'000);
}

std::string Summary(const v1::DeleteRunResponse& run) {
  std::string text = "run " + run.id() + " (" + run.name() + "): " + std::to_string(run.jobs()) +
                     " jobs with their logs, metrics and events, " +
                     std::to_string(run.artifacts()) + " artifacts of " + FormatBytes(run.bytes());
  if (run.artifacts_kept() > 0)
    text += "; " + std::to_string(run.artifacts_kept()) +
            " artifacts stay: they are pinned, or others use them";
  return text;
}

// The answer of a person; without one nothing is deleted.
Result<bool> Confirmed(const v1::DeleteRunResponse& run) {
  if (isatty(STDIN_FILENO) == 0) {
    return InvalidArgument("deleting " + Summary(run) +
                           ". This cannot be undone: say --yes where nobody can be asked");
  }
  std::fprintf(stderr, "This deletes %s.\nIt cannot be undone. Type the run's name to go on: ",
               Summary(run).c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == run.name() || answer == run.id();
}

Result<int> Delete(const Globals& globals, const std::string& run, bool yes) {
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::DeleteRunResponse found, Call(client, run, true));
  if (!yes) {
    BRAID_ASSIGN_OR_RETURN(const bool confirmed, Confirmed(found));
    if (!confirmed) {
      std::fprintf(stderr, "nothing was deleted\n");
      return kErrorExit;
    }
  }
  // By its id: a newer run may have taken the name.
  BRAID_ASSIGN_OR_RETURN(const v1::DeleteRunResponse deleted, Call(client, found.id(), false));
  if (globals.json()) return PrintJson(globals, deleted), kOkExit;
  std::fprintf(stderr, "deleted %s\n", Summary(deleted).c_str());
  std::printf("%s\n", deleted.id().c_str());
  return kOkExit;
}

struct TagFlags {
  std::string run;
  std::vector<std::string> add, remove;
};

Result<int> Tag(const Globals& globals, const TagFlags& flags) {
  if (flags.add.empty() && flags.remove.empty()) {
    return InvalidArgument("nothing to change: braid run tag " + flags.run +
                           " WORD adds a tag, --remove WORD takes one off");
  }
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  BRAID_ASSIGN_OR_RETURN(const v1::Run found, client.GetRun(flags.run));
  v1::TagRunRequest request;
  request.set_id(found.id());
  request.set_request_id(RandomUuid());
  for (const std::string& tag : flags.add) request.add_add(tag);
  for (const std::string& tag : flags.remove) request.add_remove(tag);
  request.set_user(UserName());
  BRAID_ASSIGN_OR_RETURN(const v1::Run run,
                         (client.Call<v1::Run>(&v1::Runs::Stub::TagRun, client.runs(), request)));
  if (globals.json()) return PrintJson(globals, run), kOkExit;
  std::fprintf(stderr, "run %s (%s): %s\n", run.id().c_str(), run.name().c_str(),
               run.tags_size() == 0 ? "no tags" : ("tags " + TagsText(run)).c_str());
  std::printf("%s\n", run.id().c_str());
  return kOkExit;
}

void RegisterDelete(const Registry& registry, CLI::App* group) {
  auto id = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  CLI::App* command = group->add_subcommand(
      "delete", "Delete an ended run with all that it made and nothing else needs");
  command->add_option("run", *id, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->add_flag("--yes", *yes, "do not ask");
  command->callback([registry, id, yes] {
    registry.chosen = [&globals = registry.globals, id, yes] { return Delete(globals, *id, *yes); };
  });
}

void RegisterTag(const Registry& registry, CLI::App* group) {
  auto flags = std::make_shared<TagFlags>();
  CLI::App* command = group->add_subcommand(
      "tag", "Give a run tags, by which braid list --tag finds it, or take them off");
  command->add_option("run", flags->run, "id, its beginning, or name of a run")
      ->type_name(kRunValue)
      ->required();
  command->add_option("tags", flags->add, "words to add");
  command->add_option("--remove", flags->remove, "a word to take off (may be repeated)")
      ->allow_extra_args(false);
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Tag(globals, *flags); };
  });
}

}  // namespace

void RegisterRun(const Registry& registry) {
  CLI::App* command = registry.app.add_subcommand("run", "Tags of runs, and runs that have ended");
  command->require_subcommand(1);
  RegisterDelete(registry, command);
  RegisterTag(registry, command);
}

}  // namespace braid::cli
