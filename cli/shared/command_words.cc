#include "cli/shared/command_words.h"

#include <algorithm>
#include <cctype>

namespace braid::cli {
namespace {

// The option of the command or of one around it: options of all commands may stand anywhere.
const CLI::Option* FindOption(const CLI::App* command, const std::string& name) {
  for (; command != nullptr; command = command->get_parent()) {
    if (const CLI::Option* option = command->get_option_no_throw(name); option != nullptr)
      return option;
  }
  return nullptr;
}

const CLI::App* FindCommand(const CLI::App& at, const std::string& name) {
  for (const CLI::App* command : at.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

bool TakesValue(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

// "-x" and "--x", but neither "-", "--" nor "-1".
bool IsOption(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && word != "--" &&
         std::isdigit(static_cast<unsigned char>(word[1])) == 0;
}

class Reader {
 public:
  explicit Reader(const CLI::App& app) { read_.command = &app; }

  void Take(const std::string& word) {
    if (const CLI::Option* option = std::exchange(read_.open, nullptr); option != nullptr) {
      read_.values.emplace_back(option, word);
    } else if (read_.only_arguments) {
      read_.arguments.push_back(word);
    } else if (word == "--") {
      read_.only_arguments = true;
    } else if (word.starts_with("--")) {
      TakeLong(word);
    } else if (IsOption(word)) {
      TakeShort(word);
    } else {
      TakeName(word);
    }
  }

  CommandWords Read() { return std::move(read_); }

 private:
  void TakeLong(const std::string& word) {
    const size_t equals = word.find('=');
    const CLI::Option* option = FindOption(read_.command, word.substr(0, equals));
    if (option == nullptr) return Unknown(word.substr(0, equals));
    if (!TakesValue(*option)) return;
    if (equals == std::string::npos) {
      read_.open = option;
    } else {
      read_.values.emplace_back(option, word.substr(equals + 1));
    }
  }

  // "-f", "-fw" (two flags), "-ojson".
  void TakeShort(const std::string& word) {
    for (size_t i = 1; i < word.size(); ++i) {
      const std::string name = std::string("-") + word[i];
      const CLI::Option* option = FindOption(read_.command, name);
      if (option == nullptr) return Unknown(i == 1 ? word : name);
      if (!TakesValue(*option)) continue;
      if (i + 1 == word.size()) {
        read_.open = option;
      } else {
        read_.values.emplace_back(option, word.substr(i + 1));
      }
      return;
    }
  }

  void TakeName(const std::string& word) {
    const CLI::App* next = read_.arguments.empty() ? FindCommand(*read_.command, word) : nullptr;
    if (next != nullptr) {
      read_.command = next;
      return;
    }
    if (ArgumentsOf(*read_.command).empty() && !CommandsOf(*read_.command).empty())
      return Unknown(word);  // a command may still follow it
    read_.arguments.push_back(word);
  }

  void Unknown(const std::string& word) {
    if (!read_.unknown.empty()) return;
    read_.unknown = word;
    read_.unknown_at = read_.command;
  }

  CommandWords read_;
};

}  // namespace

CommandWords ReadWords(const CLI::App& app, const std::vector<std::string>& words) {
  Reader reader(app);
  for (const std::string& word : words) reader.Take(word);
  return reader.Read();
}

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::vector<const CLI::Option*> ArgumentsOf(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* at = &command; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        const std::string word = "--" + name;
        // What all commands have, --help, is named once.
        if (std::find(names.begin(), names.end(), word) == names.end()) names.push_back(word);
      }
    }
  }
  return names;
}

std::string PathOf(const CLI::App& command) {
  if (command.get_parent() == nullptr) return "braid";
  return PathOf(*command.get_parent()) + " " + command.get_name();
}

}  // namespace braid::cli
