// The words of a command line as far as they were written: which command they name, and which of
// its options. CLI11 parses whole lines; this also reads lines that are wrong or not finished.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

namespace braid::cli {

struct CommandWords {
  // The innermost command that was named; the program itself if none was.
  const CLI::App* command = nullptr;
  // The words of that command that are neither options nor their values.
  std::vector<std::string> arguments;
  // Options that take a value, with what was given.
  std::vector<std::pair<const CLI::Option*, std::string>> values;
  // The last word is this option, whose value has not been written; null: it is something else.
  const CLI::Option* open = nullptr;
  // `--` was written: everything behind it is an argument.
  bool only_arguments = false;

  // The first word that nothing is known of, and the command that it was written behind; empty:
  // there is none. It begins with a dash if it stands where an option may stand.
  std::string unknown;
  const CLI::App* unknown_at = nullptr;
};

// Reads `words`, which are those behind the program's name. `app` outlives the result.
CommandWords ReadWords(const CLI::App& app, const std::vector<std::string>& words);

// The subcommands that the help shows.
std::vector<const CLI::App*> CommandsOf(const CLI::App& app);
// The arguments of a command that are no options, in their order.
std::vector<const CLI::Option*> ArgumentsOf(const CLI::App& command);
// "--sort", "--addr", ...: the options that may be written behind a command, those of the commands
// around it last.
std::vector<std::string> OptionNames(const CLI::App& command);
// "braid", "braid artifact list".
std::string PathOf(const CLI::App& command);

}  // namespace braid::cli
