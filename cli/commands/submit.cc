// braid submit: makes a run of a recipe.
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/commands/command.h"
#include "cli/shared/completion.h"
#include "cli/shared/follow_run.h"
#include "cli/shared/print.h"
#include "cli/shared/upload_sources.h"
#include "submit/submission.h"

namespace braid::cli {
namespace {

struct SubmitFlags {
  std::string recipe;
  std::vector<std::string> only;
  std::string request_id;
  std::optional<int32_t> priority;
  std::vector<std::string> tags;
  bool watch = false;
};

// Checks the recipe and its files before the coordinator is contacted.
Result<submit::Submission> Checked(const SubmitFlags& flags, const submit::Tools& tools) {
  BRAID_ASSIGN_OR_RETURN(submit::Submission submission,
                         submit::Examine(flags.recipe, flags.only, tools));
  for (const submit::Finding& finding : submission.findings) {
    if (finding.severity == submit::Severity::kWarning)
      std::fprintf(stderr, "warning: %s\n", submit::TextOf(finding).c_str());
  }
  BRAID_RETURN_IF_ERROR(submit::StatusOf(submission.findings));
  return submission;
}

v1::KnownSizes MessageOf(const recipe::Known& known) {
  v1::KnownSizes sizes;
  sizes.set_vocab(known.vocab);
  sizes.mutable_corpus_tokens()->insert(known.tokens.begin(), known.tokens.end());
  return sizes;
}

Result<int> Submit(const Globals& globals, const SubmitFlags& flags) {
  BRAID_ASSIGN_OR_RETURN(const TemporaryFolder work, TemporaryFolder::Create());
  BRAID_ASSIGN_OR_RETURN(const submit::Submission submission, Checked(flags, ToolsIn(work.path())));
  const submit::RecipeFile& file = submission.file;
  BRAID_ASSIGN_OR_RETURN(Client client, Connect(globals));
  v1::SubmitRunRequest request;
  BRAID_ASSIGN_OR_RETURN(const auto sources, UploadSources(client, file, submission.sources));
  request.set_recipe(file.recipe.text);
  request.set_recipe_name(RepairUtf8(file.path));
  for (const auto& [name, artifact] : sources) (*request.mutable_sources())[name] = artifact;
  for (const std::string& job : flags.only) request.add_only(job);
  *request.mutable_sizes() = MessageOf(file.known);
  if (flags.priority.has_value()) request.set_priority(*flags.priority);
  for (const std::string& tag : flags.tags) request.add_tags(tag);
  request.set_user(UserName());
  request.set_request_id(flags.request_id.empty() ? RandomUuid() : flags.request_id);
  BRAID_ASSIGN_OR_RETURN(
      v1::Run run, (client.Call<v1::Run>(&v1::Runs::Stub::SubmitRun, client.runs(), request)));
  if (flags.watch) {
    std::fprintf(stderr,
                 "run %s; Ctrl-C leaves it going, braid watch %s comes back to it, braid cancel %s "
                 "ends it\n",
                 run.id().c_str(), run.id().c_str(), run.id().c_str());
    BRAID_ASSIGN_OR_RETURN(run, FollowRun(client, run.id()));
    if (!run.error().empty()) std::fprintf(stderr, "%s\n", run.error().c_str());
  }
  if (globals.json()) {
    PrintJson(globals, run);
  } else {
    std::printf("%s\n", run.id().c_str());
  }
  return flags.watch ? ExitCodeOf(run) : kOkExit;
}

}  // namespace

void RegisterSubmit(const Registry& registry) {
  auto flags = std::make_shared<SubmitFlags>();
  CLI::App* command = registry.app.add_subcommand("submit",
                                                  "Make a run of a recipe; prints its id");
  command->add_option("recipe", flags->recipe, "recipe file, or - for standard input")
      ->type_name(kFileValue)
      ->required();
  command->add_option("--only", flags->only, "only this job and what it needs (may be repeated)");
  command->add_option("--request-id", flags->request_id,
                      "the same id with the same recipe is the same run");
  command
      ->add_option("--priority", flags->priority,
                   "instead of the recipe's: its jobs go before those of runs with a lower one")
      ->check(CLI::Range(-1000, 1000));
  command
      ->add_option("--tag", flags->tags,
                   "a word by which the run is found, besides the recipe's (may be repeated)")
      ->allow_extra_args(false);  // or it would take the recipe behind it
  command->add_flag("--watch", flags->watch, "follow the run and exit as it does");
  command->callback([registry, flags] {
    registry.chosen = [&globals = registry.globals, flags] { return Submit(globals, *flags); };
  });
}

}  // namespace braid::cli
