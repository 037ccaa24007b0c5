// braid completion: a script that makes the shell complete words. braid __complete: what it asks.
#include "cli/shared/completion.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "cli/commands/command.h"
#include "cli/local/live_names.h"

namespace braid::cli {
namespace {

// A shell waits for the answer: what the coordinator has not said by then is left out.
constexpr unsigned kMostSeconds = 1;

void PrintWords(const std::vector<std::string>& words, const std::string& before) {
  for (const std::string& word : words) std::printf("%s%s\n", before.c_str(), word.c_str());
  std::fflush(stdout);
}

// Options of the line that is completed say which coordinator is asked. A shell has not expanded
// them yet.
void TakeGlobals(const CommandWords& given, Globals* globals) {
  for (const auto& [option, value] : given.values) {
    const std::string name = option->get_name();
    const char* home = std::getenv("HOME");
    const std::string text = value.starts_with("~/") && home != nullptr ? home + value.substr(1)
                                                                        : value;
    if (name == "--addr") globals->address = text;
    if (name == "--dir") globals->dir = text;
    if (name == "--token-file") globals->token_file = text;
    if (name == "--ca") globals->ca = text;
  }
}

}  // namespace

void Complete(const CLI::App& app, Globals globals, const std::vector<std::string>& words) {
  const Completion completion = CompletionOf(app, words);
  const std::string& kind = completion.kind;
  if (kind == kFileValue || kind == kFolderValue || kind == kModelValue) std::puts(":files");
  PrintWords(completion.words, "");
  // Nothing below can outlive this, whatever it waits for: a name server, a connection, TLS.
  signal(SIGALRM, [](int) { _exit(kOkExit); });
  alarm(kMostSeconds);
  TakeGlobals(completion.given, &globals);
  const std::vector<std::string> names = LiveNames(globals, completion);
  alarm(0);
  PrintWords(names, completion.before);
}

void RegisterCompletion(const Registry& registry) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = registry.app.add_subcommand(
      "completion",
      "A script that completes words in the shell: eval \"$(braid completion bash)\"");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([registry, shell] {
    registry.chosen = [shell]() -> Result<int> {
      std::fputs(CompletionScript(*shell).c_str(), stdout);
      return kOkExit;
    };
  });
}

}  // namespace braid::cli
