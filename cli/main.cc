// braid: the command line of everything. Wires the commands.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/guarded_main.h"
#include "cli/commands/command.h"
#include "cli/commands/output_forms.h"
#include "cli/shared/command_trace.h"
#include "cli/shared/command_words.h"
#include "cli/shared/usage.h"

namespace braid::cli {
namespace {

std::string FromEnvironment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

int Main(int argc, char** argv) {
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  // Errors are reported once, by the command; gRPC would log each attempt.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  signal(SIGPIPE, SIG_IGN);
  CLI::App app;
  Globals globals;
  globals.address = FromEnvironment("BRAID_ADDR", "");
  globals.dir = FromEnvironment("BRAID_DIR", ".braid");
  globals.token_file = FromEnvironment("BRAID_TOKEN_FILE", "");
  globals.ca = FromEnvironment("BRAID_CA", "");
  globals.output = FromEnvironment("BRAID_OUTPUT", "table");
  Action chosen;
  MakeProgram({app, globals, chosen});
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == "__complete") {
    Complete(app, globals, {words.begin() + 1, words.end()});
    return kOkExit;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "%s\n", UsageText(app, words, error).c_str());
    return kUsageExit;
  }
  // Only if it was asked for here: BRAID_OUTPUT is for all commands, also those without a table.
  if (app.count("--output") > 0) {
    const Status form = CheckOutputForm(*ReadWords(app, words).command, globals.output);
    if (!form.ok()) {
      std::fprintf(stderr, "%s\n", form.message().c_str());
      return kUsageExit;
    }
  }
  CommandTrace command_trace(app.get_subcommands().front()->get_name());
  globals.span = command_trace.context();
  globals.spans = command_trace.spans();
  const Result<int> code = chosen();
  command_trace.End(code);
  if (code.ok()) return *code;
  std::fprintf(stderr, "braid: %s\n", code.status().message().c_str());
  return ExitCodeOf(code.status());
}

}  // namespace
}  // namespace braid::cli

int main(int argc, char** argv) {
  return braid::GuardedMain("braid", braid::cli::Main, argc, argv);
}
