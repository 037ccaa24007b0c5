// The scripts for shells. They only pass words on: `braid __complete WORD...` answers a line for
// each word that the last one may become, after a line ":files" if a path may stand there, too.
#include "cli/shared/completion.h"

namespace braid::cli {
namespace {

// Bash cuts words at colons, which names of jobs have: of a reply it wants only what is behind the
// last of them. Nothing of a reply is expanded.
constexpr char kBash[] = R"(_braid() {
  local line=${COMP_LINE:0:COMP_POINT} whole cut i
  local -a words found
  read -r -a words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  whole=${words[${#words[@]} - 1]}
  COMPREPLY=()
  mapfile -t found < <("$1" __complete "${words[@]:1}" 2>/dev/null)
  if [[ ${found[0]} == :files ]]; then
    unset 'found[0]'
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$whole")
  fi
  COMPREPLY+=("${found[@]}")
  cut=${whole%"${whole##*[:=@]}"}
  for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$cut"}; done
}
complete -F _braid braid
)";

constexpr char kZsh[] = R"(#compdef braid
_braid() {
  local -a found
  found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  if [[ ${found[1]} == :files ]]; then
    shift found
    _files
  fi
  found=(${found:#})
  (( ${#found} )) && compadd -- "${found[@]}"
}
if [[ ${funcstack[1]} == _braid ]]; then
  _braid "$@"
else
  (( ${+functions[compdef]} )) || { autoload -U compinit && compinit }
  compdef _braid braid
fi
)";

constexpr char kFish[] = R"(function __braid_complete
  set -l words (commandline -opc)
  set -l word (commandline -ct)
  set -l found ($words[1] __complete $words[2..-1] "$word" 2>/dev/null)
  if test "$found[1]" = :files
    set -e found[1]
    __fish_complete_path "$word"
  end
  count $found >/dev/null; and printf '%s\n' $found
end
complete -c braid -f -a '(__braid_complete)'
)";

}  // namespace

std::string CompletionScript(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  return shell == "fish" ? kFish : "";
}

}  // namespace braid::cli
