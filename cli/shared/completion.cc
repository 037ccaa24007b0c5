#include "cli/shared/completion.h"

#include <algorithm>

#include "base/text.h"

namespace braid::cli {
namespace {

constexpr const char* kKinds[] = {kRunValue,    kJobValue,  kArtifactValue,
                                  kWorkerValue, kPoolValue, kTokenValue,
                                  kModelValue,  kFileValue, kFolderValue};

// The kind of an option or argument, by its type without what checks add to it ("FILE:PATH").
std::string KindOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  for (const char* kind : kKinds) {
    if (type == kind || type.starts_with(std::string(kind) + ":")) return kind;
  }
  return "";
}

// The values of a check for one of several: "TEXT:{table,csv}".
std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{'), end = type.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  return Split(type.substr(begin + 1, end - begin - 1), ',');
}

void AddMatches(const std::vector<std::string>& known, const std::string& before,
                const std::string& prefix, std::vector<std::string>* words) {
  for (const std::string& word : known) {
    if (word.starts_with(prefix)) words->push_back(before + word);
  }
}

void CompleteValue(const CLI::Option& option, Completion* completion) {
  completion->kind = KindOf(option);
  AddMatches(ChoicesOf(option), completion->before, completion->prefix, &completion->words);
}

// The argument at this place; the last one takes all that follow if it may be repeated.
const CLI::Option* ArgumentAt(const CLI::App& command, size_t place) {
  const std::vector<const CLI::Option*> arguments = ArgumentsOf(command);
  if (place < arguments.size()) return arguments[place];
  if (arguments.empty() || arguments.back()->get_items_expected_max() <= 1) return nullptr;
  return arguments.back();
}

// The run that was written as an argument or an option.
std::string RunOf(const CommandWords& given) {
  for (size_t i = 0; i < given.arguments.size(); ++i) {
    const CLI::Option* argument = ArgumentAt(*given.command, i);
    if (argument != nullptr && KindOf(*argument) == kRunValue) return given.arguments[i];
  }
  for (const auto& [option, value] : given.values) {
    if (KindOf(*option) == kRunValue) return value;
  }
  return "";
}

void CompleteOption(const std::string& word, Completion* completion) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos)
    return AddMatches(OptionNames(*completion->given.command), "", word, &completion->words);
  completion->before = word.substr(0, equals + 1);
  completion->prefix = word.substr(equals + 1);
  for (const CLI::App* at = completion->given.command; at != nullptr; at = at->get_parent()) {
    const CLI::Option* option = at->get_option_no_throw(word.substr(0, equals));
    if (option != nullptr) return CompleteValue(*option, completion);
  }
}

}  // namespace

Completion CompletionOf(const CLI::App& app, const std::vector<std::string>& words) {
  Completion completion;
  if (words.empty()) return completion;
  const std::string& word = words.back();
  completion.given = ReadWords(app, {words.begin(), words.end() - 1});
  const CommandWords& given = completion.given;
  completion.prefix = word;
  completion.run = RunOf(given);
  if (given.open != nullptr) {
    CompleteValue(*given.open, &completion);
  } else if (word.starts_with('-') && !given.only_arguments) {
    CompleteOption(word, &completion);
  } else {
    if (given.arguments.empty()) {
      for (const CLI::App* command : CommandsOf(*given.command))
        AddMatches({command->get_name()}, "", word, &completion.words);
    }
    const CLI::Option* argument = ArgumentAt(*given.command, given.arguments.size());
    if (argument != nullptr) CompleteValue(*argument, &completion);
  }
  return completion;
}

bool IsPlainWord(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string("_-.:@/+,%=").find(c) != std::string::npos;
  });
}

}  // namespace braid::cli
