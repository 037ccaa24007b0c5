// The manual of the commands, made of what they say of themselves: the same words as --help.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace braid::cli {

// The pages of section 1 for man, as roff, by the name of their files: braid.1 with the list of all
// commands, and for each of them one, braid-submit.1, with its subcommands.
std::map<std::string, std::string> ManPages(const CLI::App& program);

// A text in which roff finds nothing that it knows: no commands at the beginning of a line, and
// dashes that can be searched for.
std::string RoffText(const std::string& text);

}  // namespace braid::cli
