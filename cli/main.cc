// braid: the command line of everything. Wires the commands.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/guarded_main.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/commands/command.h"
#include "cli/shared/command_trace.h"

namespace braid::cli {
namespace {

std::string FromEnvironment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

// CLI11 only says that a command is missing; a person wants to know which word was wrong and what
// was meant.
std::string UnknownCommand(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--addr" || word == "--dir" || word == "--token-file" || word == "--ca" ||
        word == "-o" || word == "--output" || word == "--sort" || word == "--columns")
      ++i;
    if (word.starts_with('-')) continue;
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(sub->get_name());
      if (sub->get_name() == word) next = sub;
    }
    if (names.empty()) return "";
    if (next == nullptr) {
      const std::string near = NearestWord(word, names);
      return "no command \"" + word + "\"; " +
             (near.empty() ? "there are " + Join(names, ", ") : "did you mean " + near + "?");
    }
    at = next;
  }
  return "";
}

int Main(int argc, char** argv) {
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  // Errors are reported once, by the command; gRPC would log each attempt.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  signal(SIGPIPE, SIG_IGN);
  CLI::App app("braid pretrains language models in parts: paths apart, then together.");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the command
  Globals globals;
  globals.address = FromEnvironment("BRAID_ADDR", "");
  globals.dir = FromEnvironment("BRAID_DIR", ".braid");
  globals.token_file = FromEnvironment("BRAID_TOKEN_FILE", "");
  globals.ca = FromEnvironment("BRAID_CA", "");
  globals.output = FromEnvironment("BRAID_OUTPUT", "table");
  app.add_option("--addr", globals.address, "HOST:PORT of the coordinator (BRAID_ADDR)");
  app.add_option("--dir", globals.dir, "state of braid up (BRAID_DIR)")->capture_default_str();
  app.add_option("--token-file", globals.token_file,
                 "file with the coordinator's token (BRAID_TOKEN_FILE; default: what braid up "
                 "wrote in --dir)");
  app.add_option("--ca", globals.ca,
                 "the authority of the coordinator's certificate: a file, or sha256:DIGEST "
                 "(BRAID_CA; default: what the address file in --dir names)");
  app.add_option("-o,--output", globals.output,
                 "table, csv (of tables), json, yaml or name (BRAID_OUTPUT)")
      ->check(CLI::IsMember({"table", "csv", "json", "yaml", "name"}));
  app.add_flag("--no-header", globals.no_header, "tables without their first line");
  Action chosen;
  RegisterCommands({app, globals, chosen});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (const std::string unknown = UnknownCommand(app, argc, argv);
        error.get_exit_code() != 0 && !unknown.empty()) {
      std::fprintf(stderr, "braid: %s\n", unknown.c_str());
      return kUsageExit;
    }
    if (const bool asks_json = std::find(argv, argv + argc, std::string("--json")) != argv + argc;
        error.get_exit_code() != 0 && asks_json) {
      std::fprintf(stderr,
                   "braid: there is no option --json; write -o json, or set BRAID_OUTPUT=json\n");
      return kUsageExit;
    }
    return app.exit(error) == 0 ? kOkExit : kUsageExit;
  }
  CommandTrace trace(app.get_subcommands().front()->get_name());
  globals.span = trace.context();
  globals.spans = trace.spans();
  const Result<int> code = chosen();
  trace.End(code);
  if (code.ok()) return *code;
  std::fprintf(stderr, "braid: %s\n", code.status().message().c_str());
  return ExitCodeOf(code.status());
}

}  // namespace
}  // namespace braid::cli

int main(int argc, char** argv) {
  return braid::GuardedMain("braid", braid::cli::Main, argc, argv);
}
