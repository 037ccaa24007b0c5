#include "cli/shared/usage.h"

#include <algorithm>

#include "base/text.h"
#include "cli/shared/command_words.h"

namespace braid::cli {
namespace {

std::vector<std::string> NamesOf(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

std::string DidYouMean(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = NearestWord(word, known);
  return near.empty() ? "" : "did you mean " + near + "? ";
}

std::string UnknownOption(const CommandWords& read) {
  const std::string text = PathOf(*read.unknown_at) + ": no option \"" + read.unknown + "\"; ";
  // An option of a command was perhaps written in front of its name.
  if (read.command != read.unknown_at &&
      read.command->get_option_no_throw(read.unknown) != nullptr) {
    return text + "write it behind the command: " + PathOf(*read.command) + " " + read.unknown;
  }
  return text + DidYouMean(read.unknown, OptionNames(*read.unknown_at)) + PathOf(*read.unknown_at) +
         " --help has all";
}

std::string UnknownCommand(const CommandWords& read) {
  return PathOf(*read.unknown_at) + ": no command \"" + read.unknown + "\"; " +
         DidYouMean(read.unknown, NamesOf(CommandsOf(*read.unknown_at))) +
         PathOf(*read.unknown_at) + " --help has all";
}

// What else CLI11 found, in our words where its own say too little.
std::string WhatIsWrong(const CommandWords& read, const CLI::ParseError& error) {
  const std::vector<const CLI::Option*> arguments = ArgumentsOf(*read.command);
  if (read.open != nullptr) return read.open->get_name() + " needs a value behind it";
  const auto is = [&](CLI::ExitCodes code) {
    return error.get_exit_code() == static_cast<int>(code);
  };
  if (is(CLI::ExitCodes::ExtrasError) && read.arguments.size() > arguments.size())
    return "\"" + read.arguments[arguments.size()] + "\" is a word too many";
  if (is(CLI::ExitCodes::RequiredError)) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (i >= read.arguments.size() && arguments[i]->get_required())
        return arguments[i]->get_name() + " is missing";
    }
    // Of the program itself there are too many for a line.
    constexpr size_t kNamedCommands = 12;
    const std::vector<const CLI::App*> commands = CommandsOf(*read.command);
    if (commands.size() > kNamedCommands) return "a command is missing";
    if (!commands.empty()) return "a command is missing: " + Join(NamesOf(commands), ", ");
  }
  std::string text = error.what();
  // The second line of its own texts says "Run with --help", of which command it does not say.
  text = text.substr(0, text.find('\n'));
  // A check for no negative number prints the largest one that there is, in 300 digits.
  const size_t range = text.find(" not in range 0.000000 to 17976931348623157");
  return range == std::string::npos ? text : text.substr(0, range) + " is no number from 0 up";
}

}  // namespace

std::string UsageText(const CLI::App& app, const std::vector<std::string>& words,
                      const CLI::ParseError& error) {
  if (std::find(words.begin(), words.end(), "--json") != words.end())
    return "braid: there is no option --json; write -o json, or set BRAID_OUTPUT=json";
  const CommandWords read = ReadWords(app, words);
  if (!read.unknown.empty())
    return read.unknown.starts_with('-') ? UnknownOption(read) : UnknownCommand(read);
  return PathOf(*read.command) + ": " + WhatIsWrong(read, error) + "; " + PathOf(*read.command) +
         " --help says how it is used";
}

}  // namespace braid::cli
