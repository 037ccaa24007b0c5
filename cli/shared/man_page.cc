#include "cli/shared/man_page.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "base/version.h"
#include "cli/shared/command_words.h"

namespace braid::cli {
namespace {

// As docs/operating.md, "Exit codes".
constexpr char kExitStatus[] = R"(.SH EXIT STATUS
0: done. 1: an error. 2: the words of the command were not understood. 3: not found. 4: not
permitted. 5: a conflict, as with something that exists or has ended. 6: unavailable, trying again
may help. 8: the run has not ended. 10: the run failed. 11: the run was cancelled. 12: no worker
could ever run what is left.
)";

constexpr char kEnvironment[] = R"(.SH ENVIRONMENT
.TP
.BR BRAID_ADDR ", " BRAID_DIR ", " BRAID_TOKEN_FILE ", " BRAID_CA ", " BRAID_OUTPUT
stand for the options \-\-addr, \-\-dir, \-\-token\-file, \-\-ca and \-\-output where these are not
given.
)";

std::string Bold(const std::string& text) {
  return "\\fB" + RoffText(text) + "\\fR";
}
std::string Italic(const std::string& text) {
  return "\\fI" + RoffText(text) + "\\fR";
}

// A sentence of a list's entry may begin with a capital; a line of NAME does not.
std::string WithoutCapital(std::string text) {
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

// "braid-artifact", which is also the name of the file.
std::string PageName(const CLI::App& command) {
  std::string name = PathOf(command);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

// "-o, --output" in bold, with the kind of its value or the words that it may be.
std::string OptionHead(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back(Bold("-" + name));
  for (const std::string& name : option.get_lnames()) names.push_back(Bold("--" + name));
  if (names.empty()) return Italic(option.get_name());
  std::string head = Join(names, ", ");
  if (option.get_items_expected_max() == 0) return head;
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{'), end = type.rfind('}');
  if (begin == std::string::npos || end == std::string::npos)
    return head + " " + Italic(type.substr(0, type.find(':')));
  std::vector<std::string> choices = Split(type.substr(begin + 1, end - begin - 1), ',');
  return head + " " + Italic(Join(choices, "|"));
}

std::string OptionEntry(const CLI::Option& option) {
  std::string text = option.get_description();
  if (const std::string value = option.get_default_str(); !value.empty())
    text += (text.empty() ? "" : "; ") + ("default: " + value);
  if (option.get_required() && !option.get_positional()) text += " (required)";
  return ".TP\n" + OptionHead(option) + "\n" + RoffText(text) + "\n";
}

// The options of the command alone, without --help, which all have.
std::vector<const CLI::Option*> OwnOptions(const CLI::App& command) {
  return command.get_options([&](const CLI::Option* option) {
    return option != command.get_help_ptr() && option->nonpositional();
  });
}

std::string Synopsis(const CLI::App& command) {
  std::string line = Bold(PathOf(command));
  if (!OwnOptions(command).empty()) line += " [" + Italic("options") + "]";
  for (const CLI::Option* argument : ArgumentsOf(command)) {
    std::string word = Italic(argument->get_name());
    if (argument->get_items_expected_max() > 1) word += " ...";
    line += " " + (argument->get_required() ? word : "[" + word + "]");
  }
  if (!CommandsOf(command).empty()) line += " " + Italic("command");
  return line + "\n";
}

std::string ArgumentsAndOptions(const CLI::App& command) {
  std::string text;
  for (const CLI::Option* argument : ArgumentsOf(command)) text += OptionEntry(*argument);
  for (const CLI::Option* option : OwnOptions(command)) text += OptionEntry(*option);
  return text;
}

std::string Head(const CLI::App& command, const std::string& description) {
  const std::string name = PageName(command);
  std::string title = name;
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return ".TH " + title + " 1 \"\" \"braid " + kVersion + "\" \"Commands of braid\"\n.SH NAME\n" +
         RoffText(name) + " \\- " + RoffText(WithoutCapital(description)) + "\n.SH SYNOPSIS\n" +
         Synopsis(command);
}

// A command within a group, and those within that, each in a part of its own.
void AddSubcommands(const CLI::App& command, std::string* text) {
  for (const CLI::App* sub : CommandsOf(command)) {
    *text += ".SS " + RoffText(PathOf(*sub)) + "\n" + Synopsis(*sub) + ".PP\n" +
             RoffText(sub->get_description()) + ".\n" + ArgumentsAndOptions(*sub);
    AddSubcommands(*sub, text);
  }
}

std::string CommandPage(const CLI::App& command) {
  std::string text = Head(command, command.get_description()) + ".SH DESCRIPTION\n" +
                     RoffText(command.get_description()) + ".\n";
  if (const std::string own = ArgumentsAndOptions(command); !own.empty())
    text += ".SH OPTIONS\n" + own;
  std::string commands;
  AddSubcommands(command, &commands);
  if (!commands.empty()) text += ".SH COMMANDS\n" + commands;
  return text +
         ".SH SEE ALSO\n.BR braid (1)\nhas the options of all commands, such as \\-\\-addr and "
         "\\-\\-output, and the exit codes.\n";
}

std::string ProgramPage(const CLI::App& program) {
  std::string text = Head(program, "pretrains language models in parts") + ".SH DESCRIPTION\n" +
                     RoffText(program.get_description()) +
                     "\nEach command has a page of its own.\n.SH COMMANDS\n";
  for (const CLI::App* command : CommandsOf(program)) {
    text += ".TP\n.BR " + PageName(*command) + " (1)\n" + RoffText(command->get_description()) +
            "\n";
  }
  return text + ".SH OPTIONS\n" + ArgumentsAndOptions(program) + kEnvironment + kExitStatus +
         ".SH SEE ALSO\n.BR braid\\-coordinator (8),\n.BR braid\\-worker (8)\n";
}

}  // namespace

std::string RoffText(const std::string& text) {
  std::string out;
  bool begins = true;  // a line
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    begins = c == '\n';
  }
  return out;
}

std::map<std::string, std::string> ManPages(const CLI::App& program) {
  std::map<std::string, std::string> pages = {{"braid.1", ProgramPage(program)}};
  for (const CLI::App* command : CommandsOf(program))
    pages[PageName(*command) + ".1"] = CommandPage(*command);
  return pages;
}

}  // namespace braid::cli
