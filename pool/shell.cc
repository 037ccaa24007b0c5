#include "pool/shell.h"

namespace braid::pool {

std::string ShellQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

std::string ShellVariable(const std::string& name, const std::string& text) {
  return name + "=" + ShellQuoted(text) + "\n";
}

}  // namespace braid::pool
