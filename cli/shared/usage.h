// What is said to somebody whose words were not understood.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace braid::cli {

// One line that names the wrong word, what was perhaps meant, and the help of the command that it
// was written for. `words` are those behind the program's name, `error` is what CLI11 made of them.
std::string UsageText(const CLI::App& app, const std::vector<std::string>& words,
                      const CLI::ParseError& error);

}  // namespace braid::cli
