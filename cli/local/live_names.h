// Names of what a coordinator has, for completion.
#pragma once

#include <string>
#include <vector>

#include "cli/shared/completion.h"
#include "cli/shared/globals.h"

namespace braid::cli {

// The names of the completion's kind that begin with its prefix, newest first: of runs their ids
// and names, of a model the jobs of the run in front of the slash. Names that a shell would not
// take as one word are left out. Nothing if no coordinator answers. May take as long as its calls.
std::vector<std::string> LiveNames(const Globals& globals, const Completion& completion);

}  // namespace braid::cli
