// braid completion: words for the shell.
#include <cstdio>

#include "base/text.h"
#include "cli/commands/command.h"

namespace braid::cli {
namespace {

// Sub-commands of each command, from the commands themselves.
std::string Words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    words.push_back(sub->get_name());
  return Join(words, " ");
}

// "--sort --reverse ..." of a command alone.
std::string Options(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  return Join(words, " ");
}

// What begins with a dash: the options of the command and of its subcommand, and those of all.
std::string BashOptions(const CLI::App& app) {
  const auto everything = [](const CLI::App*) { return true; };
  std::string cases;
  for (const CLI::App* command : app.get_subcommands(everything)) {
    for (const CLI::App* sub : command->get_subcommands(everything)) {
      cases += "      \"" + command->get_name() + " " + sub->get_name() + "\") options=\"" +
               Options(*sub) + "\" ;;\n";
    }
    cases += "      \"" + command->get_name() + " \"*) options=\"" + Options(*command) + "\" ;;\n";
  }
  return "  if [[ $word == -* ]]; then\n    local options=\n    case \"${COMP_WORDS[1]} "
         "${COMP_WORDS[2]}\" in\n" +
         cases + "    esac\n    COMPREPLY=($(compgen -W \"$options " + Options(app) +
         "\" -- \"$word\"))\n    return\n  fi\n";
}

std::string Bash(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (const std::string words = Words(*sub); !words.empty()) {
      cases += "    " + sub->get_name() + ") [ $COMP_CWORD -eq 2 ] && COMPREPLY=($(compgen -W \"" +
               words + "\" -- \"$word\")) ;;\n";
    }
  }
  return "_braid() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\"\n  COMPREPLY=()\n"
         "  case \"${COMP_WORDS[COMP_CWORD-1]}\" in -o|--output)\n"
         "    COMPREPLY=($(compgen -W \"table csv json yaml name\" -- \"$word\")); return ;; "
         "esac\n" +
         BashOptions(app) +
         "  if [ "
         "$COMP_CWORD -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"" +
         Words(app) + "\" -- \"$word\"))\n    return\n  fi\n  case \"${COMP_WORDS[1]}\" in\n" +
         cases +
         "    watch|wait|describe|cancel|retry|report|logs|metrics)\n"
         "      [ $COMP_CWORD -eq 2 ] && COMPREPLY=($(compgen -W \"$(timeout 1 braid list runs -o "
         "name 2>/dev/null)\" -- \"$word\")) ;;\n"
         "    plan|submit) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n  esac\n}\ncomplete -F "
         "_braid braid\n";
}

}  // namespace

void RegisterCompletion(const Registry& registry) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = registry.app.add_subcommand(
      "completion", "Words for the shell: eval \"$(braid completion bash)\"");
  command->add_option("shell", *shell)->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([registry, shell] {
    registry.chosen = [&app = registry.app, shell]() -> Result<int> {
      if (*shell == "bash") {
        std::fputs(Bash(app).c_str(), stdout);
      } else if (*shell == "zsh") {
        std::printf("autoload -U +X bashcompinit && bashcompinit\n%s", Bash(app).c_str());
      } else {
        std::printf("complete -c braid -f -n __fish_use_subcommand -a '%s'\n", Words(app).c_str());
        for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
          if (Words(*sub).empty()) continue;
          std::printf("complete -c braid -f -n '__fish_seen_subcommand_from %s' -a '%s'\n",
                      sub->get_name().c_str(), Words(*sub).c_str());
        }
        std::fputs("complete -c braid -F -n '__fish_seen_subcommand_from plan submit'\n", stdout);
      }
      return kOkExit;
    };
  });
}

}  // namespace braid::cli
