// The names of the roles of models, for people.
#pragma once

#include <string>

#include "spec/report.h"

namespace braid::report {

using Role = spec::ModelRole;

// "composite, merged".
std::string TitleOf(Role role);

}  // namespace braid::report
