// Text as words of a POSIX shell.
#pragma once

#include <string>

namespace braid::pool {

// The text as one word, whatever is in it.
std::string ShellQuoted(const std::string& text);

// "name='text'\n", which gives a variable its value.
std::string ShellVariable(const std::string& name, const std::string& text);

}  // namespace braid::pool
